// The office edits the texts of its letters: what may stand there, who has changed what, and back to what was usual.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { judged } from "../lib/axe.mjs";
import { Keyboard } from "../lib/keyboard.mjs";
import { Official } from "../lib/official.mjs";
import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

const ZONE = "Asia/Ho_Chi_Minh";
const SAVE = "Save";

describe("the letters of an office", { timeout: 240_000 }, () => {
  const world = new World();
  let browser, editor, colleague;

  before(async () => {
    await world.start({}, undefined, { isDemo: false });
    browser = await world.browser();
    editor = await comes("quantri", "Nguyễn Thị Quản");
    colleague = await comes("vanthu", "Phạm Văn Thư");
  });
  after(() => world.end());

  async function comes(login, name) {
    const link = await world.server.command("admin", "create", login, "--name", name);
    const person = await Official.come(browser, world.server.at("127.0.0.1", link), ZONE);
    await person.settle(`một câu dài của ${login}`);
    return person;
  }

  /** Looks at the English invitation as the server has it. */
  async function reads(person) {
    await person.go("Home");
    await person.page.reload();
    await person.go("Letters");
    await person.page.getByRole("link", { name: "In English" }).click();
    await person.page.getByRole("article").getByText("To: ").waitFor();
  }

  const subjectOf = (person) => person.field("Subject").inputValue();
  const previewOf = (person) => person.page.getByRole("article");
  const save = ({ page }) => page.getByRole("button", { name: SAVE, exact: true });

  it("shows a letter with made-up facts as it is written, and no placeholder of it", async () => {
    await reads(editor);
    await editor.write("Subject", "Please come: {{ title }}");
    const subject = previewOf(editor).locator(".subject");
    await until("the preview follows", async () => (await subject.textContent()).startsWith("Please come: "));
    assert.doesNotMatch(await previewOf(editor).textContent(), /[{}]/u);
    assert.equal(await previewOf(editor).getAttribute("lang"), "en");
    await editor.press("Undo my changes");
    await until("the preview goes back", async () => (await subject.textContent()).startsWith("Invitation to a "));
  });

  it("says in a sentence what is called by no name, leads there, and does not keep it", async () => {
    await editor.write("Text", "To: {{ site }}\n\nPlease join by {{ lnk }}\n{{ link }}\n");
    await editor.reads("Line 3: nothing is called “lnk”. Put it in by a button below.");
    assert.ok(await save(editor).isDisabled());
    assert.deepEqual(await judged(editor.page), []);
    await editor.press("Go there");
    const selected = await editor.field("Text").evaluate((field) => field.value.slice(field.selectionStart, field.selectionEnd));
    assert.equal(selected, "Please join by {{ lnk }}");
    await editor.picture("letters-wrong");
  });

  it("does not keep a letter without the link, which nobody could come in by", async () => {
    await editor.write("Text", "To: {{ site }}\n\nPlease come.\n");
    await editor.reads(/the link is missing: nobody could come in/u);
    assert.ok(await save(editor).isDisabled());
  });

  it("is put in by a button where somebody writes", async () => {
    const text = editor.field("Text");
    await text.evaluate((field) => {
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
    await editor.press("Link");
    assert.match(await text.inputValue(), /Please come\.\n\{\{ link \}\}$/u);
    await editor.page.keyboard.type(" – thank you");
    assert.match(await text.inputValue(), /\{\{ link \}\} – thank you$/u);
    await until("nothing is wrong any more", () => save(editor).isEnabled());
  });

  it("is saved, says by whom, and is what a colleague finds", async () => {
    await editor.write("Subject", "Please come: {{ title }}");
    await until("it can be saved", () => save(editor).isEnabled());
    await save(editor).click();
    await editor.reads("Saved. From now on letters are written from this text.");
    await editor.reads(/^Last changed by Nguyễn Thị Quản/u);
    assert.deepEqual(await judged(editor.page), []);
    await editor.picture("letters-saved");
    await reads(colleague);
    assert.equal(await subjectOf(colleague), "Please come: {{ title }}");
    await colleague.reads("Edited");
  });

  it("tells somebody that a colleague was quicker, keeps what they wrote until they have seen the other", async () => {
    await editor.write("Subject", "Quicker: {{ title }}");
    await until("it can be saved", () => save(editor).isEnabled());
    await save(editor).click();
    await editor.reads(/^Saved\./u);
    await colleague.write("Subject", "Later: {{ title }}");
    await until("it can be saved", () => save(colleague).isEnabled());
    await save(colleague).click();
    await colleague.reads(/^Somebody else has just changed this text\./u);
    assert.equal(await subjectOf(colleague), "Later: {{ title }}");
    assert.equal(await save(colleague).isEnabled(), false);
    assert.deepEqual(await judged(colleague.page), []);
    await colleague.picture("letters-stale");
    await colleague.press("Take the new text");
    await until("the other's text stands there", async () => (await subjectOf(colleague)) === "Quicker: {{ title }}");
    await colleague.press("Use what I wrote");
    assert.equal(await subjectOf(colleague), "Later: {{ title }}");
    await until("it can be saved", () => save(colleague).isEnabled());
    await save(colleague).click();
    await colleague.reads(/^Last changed by Phạm Văn Thư/u);
  });

  it("works by keyboard alone: everything is reached, and Ctrl+S saves", async () => {
    await reads(editor);
    const keyboard = await Keyboard.at(editor.page);
    await keyboard.walk();
    await keyboard.reach(/Subject/u);
    await keyboard.press("End");
    await editor.page.keyboard.type(" (today)");
    await until("it can be saved", () => save(editor).isEnabled());
    await keyboard.press("Control+s");
    await editor.reads(/^Saved\./u);
    await keyboard.keepsFocus("after saving");
    assert.equal(await subjectOf(editor), "Later: {{ title }} (today)");
  });

  it("goes back to the usual text, if somebody means it", async () => {
    const keyboard = await Keyboard.at(editor.page);
    await keyboard.act(/Back to the usual text/u, () => editor.dialog.getByText("What your office has written here will be lost.").waitFor());
    assert.deepEqual(await judged(editor.page), []);
    await keyboard.act(/Keep this text/u, () => editor.dialog.waitFor({ state: "detached" }));
    assert.equal(await subjectOf(editor), "Later: {{ title }} (today)");
    await keyboard.act(/Back to the usual text/u, () => editor.dialog.waitFor());
    await keyboard.act(/Back to the usual text/u, () => editor.reads("It is the usual text again."));
    assert.match(await subjectOf(editor), /^Invitation to a /u);
    await reads(colleague);
    assert.match(await subjectOf(colleague), /^Invitation to a /u);
    assert.equal(await colleague.page.getByText(/^Last changed by/u).count(), 0);
  });

  it("ran without a failing script", () => {
    for (const person of [editor, colleague]) person.wasWell();
  });
});
