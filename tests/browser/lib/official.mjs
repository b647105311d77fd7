// Somebody who works in the office: writes into fields by their names, presses, and reads what the page says.

import { Visitor } from "./visitor.mjs";

const LAPTOP = { width: 1366, height: 768 };

const escaped = (text) => text.replaceAll(/[$()*+.?[\\\]^{|}]/gu, "\\$&");

/** A field may say behind its name that it can stay empty. */
const called = (label) => new RegExp(`^\\s*${escaped(label)}\\s*(\\(optional\\))?\\s*$`, "u");

export class Official extends Visitor {
  /** Opens a link in a browser of their own, whose clock is of this zone. */
  static async come(browser, link, zone) {
    const context = await browser.newContext({ viewport: LAPTOP, timezoneId: zone });
    // A whole country is imported, or invited, while others use the machine.
    return Official.at(context, link, { seconds: 60 });
  }

  /** Something to fill in, by its name. */
  field(label, within = this.page) {
    return within.getByLabel(called(label)).first();
  }

  async write(label, text, within = this.page) {
    await this.field(label, within).fill(text);
  }

  async choose(label, words, within = this.page) {
    await this.field(label, within).selectOption({ label: words });
  }

  async tick(label, within = this.page) {
    await within.getByLabel(label, { exact: true }).check();
  }

  /** What is on top of the page. */
  get dialog() {
    return this.page.getByRole("dialog");
  }

  /** Goes to one of the places beside the page. */
  async go(place) {
    await this.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: place, exact: true }).click();
    await this.page.getByRole("main").waitFor();
  }

  /** Goes where an address leads, as somebody does who has got it from another. */
  async goTo(path) {
    await this.page.evaluate((hash) => (location.hash = hash), path);
  }

  /** Finds a site by its name and takes it. */
  async pick(label, words, name, within = this.page) {
    await this.write(label, words, within);
    await within.getByRole("button", { name }).first().click();
  }

  async logIn(login, password) {
    await this.write("Log-in name", login);
    await this.write("Password", password);
    await this.press("Log in");
    await this.reads(/^Hello, /u);
  }

  /** Sets a password with which they are in from then on. */
  async settle(password) {
    await this.write("Password", password);
    await this.write("The password again", password);
    await this.press("Set the password and log in");
    await this.reads(/^Hello, /u);
  }

  /** Photographs the page in both languages, on a phone and a laptop; what is asked on top of it stays there. */
  async picture(name) {
    for (const language of ["vi", "en"]) {
      await this.page.locator(`button[lang=${language}]`).dispatchEvent("click");
      await this.photographNow(`office-${name}-${language}`, ["small", "laptop"]);
    }
  }
}
