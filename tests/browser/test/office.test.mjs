// An office's week: from a server that knows nobody to a conference that opens by itself, all through the pages.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { ABOVE, addressOf, rows, SITES, spoilt, TWICE } from "../lib/country.mjs";
import { forward } from "../lib/forward.mjs";
import { AMISS, checkLines } from "../lib/linechecks.mjs";
import { Mailbox } from "../lib/mailbox.mjs";
import { NO_NAMESPACES } from "../lib/namespace.mjs";
import { Official } from "../lib/official.mjs";
import { BUTTON, LogInProvider, says } from "../lib/provider.mjs";
import { readCode } from "../lib/qr.mjs";
import { workbook } from "../lib/workbook.mjs";
import { until } from "../lib/until.mjs";
import { ARTIFACTS } from "../lib/visitor.mjs";
import { World } from "../lib/world.mjs";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** The office is in Viet Nam; near midnight it is further east, so that today stays today. */
const ZONE = new Date().getUTCHours() === 16 ? "Asia/Tokyo" : "Asia/Ho_Chi_Minh";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What a date field and a field of hours hold at a moment, in the office's zone. */
function written(at) {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short", timeStyle: "short" });
  const [day, hour] = parts.format(at).split(" ");
  return { day, hour };
}

/** A Monday that is a week or two away. */
const monday = new Date(Date.now() + (7 + ((8 - new Date(Date.now() + 9 * 3_600_000).getUTCDay()) % 7)) * DAY_MS);

/** Whom the ministry's provider of log-ins knows, and what the ministry's groups may do here. */
const PEOPLE = { quoc: { name: "Trần Văn Quốc", groups: ["can-bo", "hop-dieu-hanh"] } };
const GROUPS = `
[accounts.oidc.bo.roles]
hop-dieu-hanh = "national"
`;

/** Whether that Monday is in the next month. */
const isLater = () => written(monday).day.slice(0, 7) !== written(new Date()).day.slice(0, 7);

/** So many sites check their lines, and so many of them have something amiss. */
const CHECKED = 400;
const AMISS_OF_CHECKED = 20;
/** What whoever phones reads of each of them. */
const TO_ASK_FOR = ["Its network blocks picture and sound, so it cannot attend.", "Its line is too narrow even for sound.", "Its network blocks UDP", "No microphone was found there"];

/** Longest that the last letter is waited for, in seconds: on a busy machine, of a server that is not optimised. */
const LETTERS_SECONDS = 300;

/** The short link in a letter. */
const linkIn = ({ text }) => /http\S+\/m\/[\w-]+/u.exec(text)?.[0];

const COUNT = new Intl.NumberFormat("en").format(SITES.length);

describe("an office's week", { timeout: 900_000, skip: NO_NAMESPACES }, () => {
  const world = new World();
  let mailbox, provider, network, browser, admin, national, provincial;
  const people = [];
  let hasFailed = false;
  /** When the first conference begins. */
  let soon;
  /** What some sites' letters lead to, by their codes. */
  const links = new Map();

  before(async () => {
    mailbox = await Mailbox.open();
    world.later(() => mailbox.close());
    provider = await LogInProvider.start(PEOPLE);
    world.later(() => provider.stop());
    network = world.namespace();
    const media = { DINH_MEDIA__ADVERTISE: JSON.stringify(["127.0.0.1", network.gateway]) };
    await world.start({ ...mailbox.settings, ...provider.settings(world.directory, GROUPS), ...media }, undefined, { isDemo: false });
    provider.serve(`http://127.0.0.1:${world.server.port}`);
    browser = await world.browser();
  });
  after(() => world.end());

  /** Somebody opens a link of the server. */
  async function comes(link) {
    const person = await Official.come(browser, world.server.at("127.0.0.1", link), ZONE);
    people.push(person);
    return person;
  }

  /** The administrator makes an account, and its person sets a password by the link. */
  async function brings({ login, name, role, province }) {
    await admin.go("Accounts");
    await admin.press("Make an account");
    const { dialog } = admin;
    await admin.write("Log-in name", login, dialog);
    await admin.write("Full name", name, dialog);
    await admin.choose("Role", role, dialog);
    if (province !== undefined) await admin.choose("Province or city", province, dialog);
    await dialog.getByRole("button", { name: "Make an account" }).click();
    await dialog.getByRole("button", { name: "Make a link to set a password" }).click();
    const link = await dialog.getByRole("textbox", { name: "Make a link to set a password" }).inputValue();
    await admin.picture(`account-${login}`);
    await dialog.getByRole("button", { name: "Close" }).click();
    const person = await comes(link);
    await person.settle(`một câu dài của ${login}`);
    return person;
  }

  /** The operator goes to a part of a booking, as it is in the schedule. */
  async function looksAt(title, part) {
    await national.go("Schedule");
    await national.page.getByRole("link", { name: title }).first().click();
    await national.page.getByRole("heading", { name: title }).waitFor();
    await national.page.getByRole("link", { name: part, exact: true }).click();
  }

  /** The operator makes a site a new link; returns it. */
  async function reissues(name) {
    await national.press(`A new link for ${name}`);
    await national.dialog.getByRole("heading", { name: `The new link of ${name}` }).waitFor();
    const link = linkIn({ text: await national.dialog.innerText() });
    await national.picture("reissued");
    await national.dialog.getByRole("button", { name: "Close" }).click();
    return link;
  }

  /** A step of the week: where it fails, what everybody saw is kept, and nobody waits for the steps behind it. */
  function step(name, act) {
    it(name, async (t) => {
      if (hasFailed) return t.skip("a step before it failed");
      try {
        await act();
      } catch (error) {
        hasFailed = true;
        for (const [index, { page }] of people.entries()) {
          if (!page.isClosed()) await page.screenshot({ path: `${ARTIFACTS}office-failed-${index}.png`, fullPage: true });
        }
        throw error;
      }
    });
  }

  step("lets the first administrator in by a one-time link", async () => {
    const link = await world.server.command("admin", "create", "quantri", "--name", "Nguyễn Thị Quản");
    admin = await comes(link);
    await admin.picture("welcome");
    await admin.settle("mùa thu Hà Nội 1946");
    await admin.reads("Hello, Nguyễn Thị Quản");
    await admin.picture("home-empty");
    const late = await comes(link);
    await late.write("Password", "mùa thu Hà Nội 1947");
    await late.write("The password again", "mùa thu Hà Nội 1947");
    await late.press("Set the password and log in");
    await late.reads(/^This link was used already/u);
    await late.page.context().close();
  });

  step("lets a national operator in whom the ministry's provider knows, by what its groups say", async () => {
    national = await comes(`http://127.0.0.1:${world.server.port}/office`);
    await national.picture("login-provider");
    await national.page.getByRole("link", { name: BUTTON }).click();
    await says(national, "quoc");
    await national.reads("Hello, Trần Văn Quốc");
    await admin.go("Accounts");
    await admin.reads("Trần Văn Quốc");
    await admin.picture("accounts");
  });

  step("shows what is wrong with a spreadsheet, and imports it when it is mended", async () => {
    await national.go("Sites");
    await national.reads("There are no sites yet. Import a list.");
    await national.page.getByRole("link", { name: "Import a list" }).click();
    const brought = (list) => national.page.locator("input[type=file]").setInputFiles({ name: "diem-cau.xlsx", mimeType: XLSX, buffer: workbook("Điểm cầu", list) });
    await brought(rows(spoilt));
    await national.reads("There are errors, so nothing can be imported.");
    // Nobody could guess what that column is.
    await national.page.getByText("Which column is what").click();
    await national.choose("Above it", ABOVE);
    await national.reads(new RegExp(`the code ${TWICE.code} is already on line`, "u"));
    await national.reads(/4 is shorter than most codes of its level: has the spreadsheet cut it from 00004\?/u);
    await national.picture("import-findings");
    await brought(rows());
    await national.page.getByRole("button", { name: "To look at 0" }).waitFor();
    await national.press("Import the list");
    await national.reads(`Imported: ${COUNT} new, 0 changed, 0 as they were.`);
    await national.picture("imported");
    await national.go("Sites");
    await national.reads("Thành phố Hà Nội");
    await national.picture("sites");
  });

  step("makes an account for the operator of one province, who sees nothing of its neighbour", async () => {
    provincial = await brings({ login: "hanoi", name: "Lê Thị Thủ Đô", role: "Provincial operator", province: "Thành phố Hà Nội" });
    await provincial.press(/Log out|Đăng xuất/u);
    await provincial.logIn("hanoi", "một câu dài của hanoi");
    await provincial.go("Sites");
    await provincial.reads("Phường Ba Đình");
    assert.equal(await provincial.page.getByText("Cao Bằng").count(), 0);
    await provincial.write("Find a site", "cao bang");
    await provincial.reads("There is no such site.");
    await provincial.goTo("/sites?site=04");
    await provincial.page.getByRole("region", { name: "One site" }).getByRole("paragraph").waitFor();
    assert.equal(await provincial.page.getByText("Cao Bằng").count(), 0);
    await provincial.picture("province-neighbour");
    await provincial.goTo("/sites?site=00004");
    await provincial.page.getByRole("heading", { name: "Phường Ba Đình" }).waitFor();
    assert.equal(await provincial.field("E-mail").inputValue(), addressOf("00004"));
    await provincial.goTo("/accounts");
    await provincial.reads("This page is not for you");
    // Looks at the schedule from now on, and touches nothing.
    await provincial.go("Schedule");
  });

  step("plans a conference that begins in a minute or two, for all sites", async () => {
    await national.go("Schedule");
    await national.page.getByRole("link", { name: "New conference" }).click();
    soon = new Date(Math.ceil((Date.now() + MINUTE_MS / 3) / MINUTE_MS) * MINUTE_MS);
    const { day, hour } = written(soon);
    await national.write("Title", "Họp khẩn về bão số 5");
    await national.choose("Kind", "Briefing");
    await national.write("Day", day);
    await national.write("Begins at", hour);
    await national.write("Takes (minutes)", "30");
    await national.tick("All sites");
    await national.write("Opens by itself (minutes before)", "1");
    await national.press("Save the draft");
    await national.reads(`${COUNT} sites invited`);
    // Looks at the home page from now on, and touches nothing.
    await admin.go("Home");
    await national.press("Publish");
    await national.page.getByText("Published", { exact: true }).waitFor();
    await national.picture("booking-soon");
    await provincial.reads("Họp khẩn về bão số 5");
  });

  step("books a weekly series with one day left out, with what is spoken of and what is to be read", async () => {
    await national.go("Schedule");
    await national.page.getByRole("link", { name: "New conference" }).click();
    await national.write("Title", "Giao ban tuần");
    await national.write("Day", written(monday).day);
    await national.write("Begins at", "14:00");
    await national.choose("Repeats", "By weeks");
    await national.choose("Ends", "After a number of times");
    await national.write("Times", "6");
    await national.pick("Hall", "trung uong", /^Trung ương/u);
    await national.choose("Chair", "Somebody by name…");
    await national.write("Name of the chair", "Đồng chí Phạm Thị Chủ");
    await national.tick("All sites");
    await national.press("Add an item");
    const item = national.page.getByRole("listitem").filter({ has: national.page.getByRole("button", { name: "Add a document" }) });
    await national.write("What", "Tình hình phòng chống bão", item);
    await national.write("Minutes", "30", item);
    await national.pick("Site that speaks", "ba dinh", /^Phường Ba Đình/u, item);
    await item.getByRole("button", { name: "Add a document" }).click();
    await national.write("Document", "Báo cáo nhanh số 12", item);
    await national.write("Note, where to get it", "Gửi qua trục liên thông văn bản", item);
    await national.press("Save the draft");
    await national.page.getByRole("heading", { name: "Giao ban tuần" }).waitFor();
    await national.press("Single days: leave out or move…");
    await national.dialog.getByRole("button", { name: /^Leave out \D*\d/u }).nth(1).click();
    await national.dialog.getByText("Left out", { exact: true }).waitFor();
    await national.picture("exceptions");
    await national.dialog.getByRole("button", { name: "Close" }).click();
    await national.reads(/^Every week on Monday.*except on/u);
    await national.press("Publish");
    await national.page.getByText("Published", { exact: true }).waitFor();
    await national.picture("booking-series");
  });

  step("says that the hall is taken", async () => {
    await national.go("Schedule");
    await national.page.getByRole("link", { name: "New conference" }).click();
    await national.write("Title", "Tập huấn phần mềm");
    await national.choose("Kind", "Training");
    await national.write("Day", written(monday).day);
    await national.write("Begins at", "14:30");
    await national.pick("Hall", "trung uong", /^Trung ương/u);
    await national.press("Save the draft");
    await national.reads("Clashes with 1 other conference");
    await national.reads("the same hall, Trung ương");
    await national.picture("conflict");
  });

  step("invites those whose codes are pasted, whatever a spreadsheet has eaten of them, and reads no list of all sites", async () => {
    const asked = [];
    national.page.on("request", (request) => asked.push(new URL(request.url())));
    await national.press("Paste codes");
    await national.write("Codes of sites", "Mã\tTên\n103\tPhường Tây Hồ\n00008\tPhường Ngọc Hà\n99999\tXã đã giải thể", national.dialog);
    await national.dialog.getByText("2 sites found.").waitFor();
    await national.dialog.getByText("103 → 00103 Phường Tây Hồ").waitFor();
    assert.deepEqual(asked.filter(({ pathname, searchParams }) => pathname.endsWith("/sites") && !searchParams.has("codes")), []);
    await national.picture("codes-pasted");
    await national.dialog.getByRole("button", { name: "Add them" }).click();
    await national.reads("2 sites invited");
  });

  step("says who must be told again when it is changed, copies it, and cancels the copy", async () => {
    await national.page.getByRole("link", { name: "Giao ban tuần" }).click();
    await national.page.getByRole("heading", { name: "Giao ban tuần" }).waitFor();
    await national.write("Begins at", "16:00");
    await national.reads(`Changes the beginning: ${COUNT} sites must be told again.`);
    await national.press("Save the changes");
    await national.reads(/^It is not as it was announced any more/u);
    await national.picture("booking-changed");
    await national.press("Publish the changes");
    await national.page.getByText("Published", { exact: true }).waitFor();
    const before = national.page.url();
    await national.press("Copy");
    await national.page.waitForURL((url) => url.href !== before);
    await national.page.getByText("Draft", { exact: true }).waitFor();
    await national.press("Publish");
    await national.page.getByText("Published", { exact: true }).waitFor();
    await national.press("Cancel the conference");
    await national.write("Reason", "Trùng với họp Quốc hội", national.dialog);
    await national.dialog.getByRole("button", { name: "Cancel the conference" }).click();
    await national.reads("Cancelled because: Trùng với họp Quốc hội");
    await national.picture("booking-cancelled");
    await national.go("Schedule");
    if (isLater()) await national.press("On");
    await national.page.getByText("Giao ban tuần").first().waitFor();
    await national.picture("schedule");
  });

  step("invites all sites by mail, and shows what three of them reply", async () => {
    await national.page.getByRole("link", { name: "Giao ban tuần" }).first().click();
    await national.page.getByRole("heading", { name: "Giao ban tuần" }).waitFor();
    await national.page.getByRole("link", { name: "Invitations", exact: true }).click();
    await national.press(`Send ${COUNT} invitations`);
    await national.reads(`${COUNT} letters are on their way.`);
    for (const code of ["00004", "00008", "00025"]) {
      const letter = await until(`a letter to ${code}`, () => mailbox.letter(addressOf(code)), { seconds: 60 });
      assert.match(letter.subject, /Giao ban tuần/u);
      assert.ok(letter.attachments.some(({ contentType }) => contentType === "text/calendar"), "a part for calendars");
      links.set(code, linkIn(letter));
    }
    const replies = [["00004", "We are coming"], ["00008", "We ask to be excused", "Reason", "Xã đang có lũ"], ["00025", "We send somebody else", "Whom (name and office)", "Bà Hoa, Phó Chủ tịch"]];
    for (const [code, reply, field, words] of replies) {
      const site = await comes(links.get(code));
      await site.reads("Giao ban tuần");
      await site.page.getByLabel(reply, { exact: true }).check();
      if (field !== undefined) await site.page.getByLabel(field).fill(words);
      await site.press("Send the reply");
      await site.reads(/^You have (?:said|asked) /u);
      await site.picture(`reply-${code}`);
    }
    // Nobody reloads the page.
    await national.reads("Xã đang có lũ");
    await national.reads(/Bà Hoa, Phó Chủ tịch/u);
    await national.picture("invitations");
  });

  step("prints sheets of a province, whose QR codes lead where the sites' letters do", async () => {
    await national.choose("Province", "Thành phố Hà Nội");
    const [page] = await Promise.all([
      national.page.context().waitForEvent("page"),
      national.page.getByRole("link", { name: "Sheet of Thành phố Hà Nội" }).click(),
    ]);
    const sheet = new Official();
    sheet.page = page;
    await page.getByRole("heading", { name: "Thành phố Hà Nội: Giao ban tuần" }).waitFor();
    const invited = SITES.filter(({ code, above }) => code === "01" || above === "01").length;
    const slips = page.locator("td").filter({ has: page.locator("svg") });
    assert.equal(await slips.count(), invited);
    const slip = slips.filter({ has: page.getByRole("heading", { name: "Phường Ba Đình" }) });
    assert.equal(await slip.locator(".address").textContent(), links.get("00004"));
    await sheet.photographNow("office-sheet", ["small", "laptop"]);
    // On paper, as a telephone's camera sees it.
    await page.emulateMedia({ media: "print" });
    const read = await readCode(slip.locator("svg"));
    assert.equal(read, links.get("00004"));
    const drawn = await Promise.all([0, 1, invited - 1].map((index) => readCode(slips.nth(index).locator("svg"))));
    assert.equal(new Set(drawn).size, 3, "each site has a code of its own");
    await page.emulateMedia({ media: "screen" });
    await page.goto(page.url().replace("language=en", "language=vi"));
    await sheet.photographNow("office-sheet-vi", ["small", "laptop"]);
    await page.close();
    const site = await comes(read);
    await site.reads("Phường Ba Đình");
    await site.reads("You have said that you are coming.");
  });

  step("makes a site a new link: the old one says so, and the new one knows its reply", async () => {
    const { name } = SITES.find(({ code }) => code === "00008");
    const link = await reissues(name);
    assert.notEqual(link, links.get("00008"));
    const late = await comes(links.get("00008"));
    await late.reads("There is no such invitation");
    await late.reads(/the organisers have made a new link/u);
    await late.picture("link-before");
    const site = await comes(link);
    await site.reads("You have asked to be excused.");
  });

  step("checks a site's line in a browser whose network blocks UDP, and says so there", async () => {
    network.cutUdp();
    const way = await forward(network.gateway, world.server.port);
    world.later(() => way.stop());
    const behind = await world.browser({ namespace: network });
    const site = await Official.come(behind, world.server.at(network.gateway, links.get("00025")), ZONE);
    people.push(site);
    site.page.setDefaultTimeout(90_000);
    await site.press("Check now");
    await site.reads("the network blocks UDP");
    await site.picture("line-checked");
  });

  step("counts whose line is ready, and says whom to phone, why, and what to ask for", async () => {
    // One has a browser of its own, and one has another link by now.
    const others = await until(
      "letters to those who check",
      () => {
        const found = mailbox.addresses.filter((address) => ![addressOf("00025"), addressOf("00008")].includes(address));
        return found.length >= CHECKED - 1 && found.slice(0, CHECKED - 1);
      },
      { seconds: 120 },
    );
    const codes = (await Promise.all(others.map((address) => mailbox.letter(address)))).map((letter) => linkIn(letter).split("/").at(-1));
    const ways = Object.keys(AMISS);
    // One of those with UDP blocked is the browser's.
    const amiss = Array.from({ length: AMISS_OF_CHECKED }, (_, index) => ways[index % ways.length]);
    amiss.splice(amiss.indexOf("udpBlocked"), 1);
    const lines = codes.map((code, index) => ({ code, amiss: amiss[index] ?? null }));
    const outcomes = await checkLines(world.server.port, lines);
    for (const [index, line] of lines.entries()) assert.equal(outcomes[index].cause, line.amiss ?? "allGood");
    await national.page.getByRole("link", { name: "Readiness", exact: true }).click();
    await national.reads(`${CHECKED - AMISS_OF_CHECKED} of ${COUNT} sites have a good line`);
    const unknown = new Intl.NumberFormat("en").format(SITES.length - CHECKED);
    await national.reads(`10 with something amiss, 10 that will not do, ${unknown} not checked in the last 24 hours`);
    await national.reads(`To phone: ${AMISS_OF_CHECKED} sites`);
    const toPhone = national.page.getByRole("listitem").filter({ has: national.page.getByRole("link", { name: /^024/u }) });
    // They are asked for beside how many there are.
    await toPhone.nth(AMISS_OF_CHECKED - 1).waitFor();
    assert.equal(await toPhone.count(), AMISS_OF_CHECKED);
    for (const sentence of TO_ASK_FOR) assert.equal(await toPhone.filter({ hasText: sentence }).count(), AMISS_OF_CHECKED / ways.length, sentence);
    const { name } = SITES.find(({ code }) => code === "00025");
    await toPhone.filter({ hasText: name }).filter({ hasText: "Have its network people let UDP to this server pass." }).waitFor();
    await national.picture("readiness");
  });

  step("opens by itself, and lets the operator in from the office, and a site", async () => {
    // Its letter is lost: the site hears its link over the telephone.
    await looksAt("Họp khẩn về bão số 5", "Invitations");
    const link = await reissues("Phường Ba Đình");
    await admin.page.getByRole("button", { name: "Enter: Họp khẩn về bão số 5" }).waitFor();
    await national.go("Home");
    const enter = national.page.getByRole("button", { name: "Enter: Họp khẩn về bão số 5" });
    await enter.waitFor();
    await national.picture("home");
    await enter.click();
    await national.page.waitForURL(/\/operator/u);
    await national.page.getByLabel("Find a site").waitFor();
    await national.picture("desk");
    const site = await comes(link);
    await site.page.getByRole("link", { name: "Enter the conference" }).click();
    await site.press("Join and watch");
    await site.reads(`1 of ${COUNT} sites present`);
    await national.write("Find a site", "ba dinh");
    await national.page.getByRole("button", { name: /Phường Ba Đình.*Present/u }).first().waitFor();
  });

  step("has a letter in each site's mailbox, and in none a second one", async () => {
    await admin.go("Schedule");
    if (isLater()) await admin.press("On");
    await admin.page.getByRole("link", { name: "Giao ban tuần" }).first().click();
    await admin.page.getByRole("link", { name: "Invitations", exact: true }).click();
    await until(
      "a letter to each site",
      () => {
        if (mailbox.size < SITES.length) throw new Error(`to ${mailbox.size} of ${COUNT}`);
        return true;
      },
      { seconds: LETTERS_SECONDS },
    );
    const asked = SITES.map(({ code }) => addressOf(code));
    assert.deepEqual([...mailbox.addresses].sort(), asked.sort());
    assert.deepEqual(mailbox.toldTwice, []);
    // The page says so by itself.
    await admin.page.getByRole("button", { name: /^0 ?Waiting$/u }).waitFor();
    await admin.picture("invitations-told");
  });

  step("ran without a failing script", () => {
    for (const person of people) person.wasWell();
  });
});
