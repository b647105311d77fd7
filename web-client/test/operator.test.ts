// @vitest-environment jsdom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeDesk, read } from "./fakes/desk.ts";

const [A, B, C] = ["P68000", "P91000", "P01001"] as const;

let desk: FakeDesk;
let requests: { type: string; participant: string }[] = [];

beforeEach(async () => {
  vi.useFakeTimers();
  desk = new FakeDesk();
  requests = [];
  desk.country.onFloorRequest = (request) => requests.push(request);
  await desk.open();
  // The operator's code is made anew for each file, which takes long on a busy machine.
}, 60_000);

afterEach(async () => {
  await desk.close();
  vi.useRealTimers();
});

/** Some sites ask, and the page has shown it long enough to be read. */
async function asking(...sites: string[]): Promise<void> {
  for (const site of sites) desk.country.ask(site);
  await desk.pass(1_500);
}

async function speaking(site: string): Promise<void> {
  desk.country.grant(site);
  desk.country.begin();
  await desk.pass(1_500);
}

function grantButton(site: string): HTMLElement {
  const button = desk.all(`.floor [data-grant="${site}"]`)[0];
  if (button === undefined) throw new Error(`${site} has no button`);
  return button;
}

describe("a key", () => {
  it("in a word that is typed beside the search field gives the floor to nobody and takes it from nobody", async () => {
    await asking(A, B);
    await speaking(C);
    for (const letter of "gia rai") {
      desk.key(letter);
      await desk.pass(120);
    }
    desk.key("Enter");
    await desk.pass(2_000);
    expect(requests).toEqual([]);
    expect(desk.country.holder?.participant).toBe(C);
  });

  it("that is held gives nothing", async () => {
    await asking(A, B, C);
    desk.key("g");
    for (let i = 0; i < 30; i++) {
      await desk.pass(33);
      desk.key("g", { repeat: true });
    }
    await desk.pass(1_000);
    expect(requests).toEqual([]);
  });

  it("asks by name and province, says who loses the floor, and Enter agrees", async () => {
    await asking(A);
    await speaking(C);
    desk.key("g");
    expect(read(desk.dialog)).toContain("Xã Tân Thành, Tỉnh Lâm Đồng");
    expect(read(desk.dialog)).toContain("Phường Ba Đình, Thành phố Hà Nội");
    await desk.pass(600);
    desk.key("Enter");
    await desk.pass(500);
    expect(requests).toMatchObject([{ type: "grantFloor", participant: A, instead: C }]);
    expect(desk.country.holder?.participant).toBe(A);
  });

  it("on what took the floor from one is not meant for the next, whose name has only just come there", async () => {
    await speaking(A);
    const card = desk.all("[data-holder] [data-revoke]")[0];
    card?.focus();
    await desk.pass(1_500);
    desk.country.grant(B);
    await desk.pass(300);
    desk.key("Enter");
    expect(requests).toEqual([]);
    await desk.pass(1_000);
    desk.key("Enter");
    expect(requests).toMatchObject([{ type: "revokeFloor", participant: B }]);
  });

  it("that comes sooner than the question can be read agrees to nothing", async () => {
    await asking(A);
    desk.key("g");
    await desk.pass(100);
    desk.key("Enter");
    await desk.pass(500);
    expect(requests).toEqual([]);
  });

  it("asks before it takes the floor", async () => {
    await speaking(C);
    desk.key("r");
    expect(read(desk.dialog)).toContain("Thu quyền phát biểu của Phường Ba Đình, Thành phố Hà Nội?");
    await desk.pass(600);
    desk.key("Enter");
    await desk.pass(500);
    expect(requests).toMatchObject([{ type: "revokeFloor", participant: C }]);
  });

  it("does nothing once shortcuts are switched off, also after a reload", async () => {
    await asking(A);
    desk.key("?");
    const box = desk.all('dialog input[type="checkbox"]')[0] as HTMLInputElement;
    box.click();
    (desk.dialog as HTMLDialogElement | null)?.close();
    await desk.pass(1_500);
    desk.key("g");
    expect(desk.dialog).toBeNull();
    expect(localStorage.getItem("dinh.shortcuts")).toBe("off");
  });
});

describe("a press", () => {
  it("gives the floor to the one beside whom it stands, who stays there for a moment", async () => {
    await asking(A, B);
    desk.click(grantButton(A));
    expect(read(grantButton(A))).toBe("Đang lên…");
    await desk.pass(400);
    expect(desk.country.holder?.participant).toBe(A);
    expect(desk.all(".floor li").map(read)[0]).toContain("Tỉnh Lâm Đồng");
    await desk.pass(1_200);
    expect(desk.all(".floor li")).toHaveLength(1);
  });

  it("that is the second of two calls nobody else", async () => {
    await asking(A, B);
    desk.click(grantButton(A));
    for (const wait of [200, 200, 300, 400, 200, 400]) {
      await desk.pass(wait);
      const first = desk.all(".floor li [data-grant]")[0];
      if (first !== undefined) desk.click(first);
    }
    expect(requests).toMatchObject([{ participant: A }]);
  });

  it("on a row that has just moved there is none", async () => {
    await asking(A, B);
    desk.country.withdraw(A);
    await desk.pass(300);
    desk.click(grantButton(B));
    await desk.pass(300);
    expect(requests).toEqual([]);
    await desk.pass(1_000);
    desk.click(grantButton(B));
    await desk.pass(300);
    expect(requests).toMatchObject([{ participant: B }]);
  });

  it("on one that has just come to a row there is none, however long the row has stood", async () => {
    desk.country.leave(A);
    desk.all('input[type="search"]')[0]?.focus();
    desk.type("tan thanh lam dong");
    await desk.pass(1_500);
    expect(desk.all(`[data-site] [data-grant="${A}"]`)).toEqual([]);
    desk.country.change(A, { state: "present", media: "connected" });
    await desk.pass(400);
    const button = desk.all(`[data-site] [data-grant="${A}"]`)[0];
    if (button === undefined) throw new Error("there is no button");
    desk.click(button, 1);
    expect(requests).toEqual([]);
    await desk.pass(1_000);
    desk.click(button, 1);
    expect(requests).toMatchObject([{ type: "grantFloor", participant: A }]);
  });

  it("that would cost somebody the floor is asked about first", async () => {
    await asking(A);
    await speaking(C);
    desk.click(grantButton(A));
    await desk.pass(300);
    expect(requests).toEqual([]);
    expect(read(desk.dialog)).toContain("Xã Tân Thành, Tỉnh Lâm Đồng");
    const agree = desk.all("[data-agree]")[0] as HTMLElement;
    desk.click(agree);
    await desk.pass(300);
    expect(requests, "a double press agrees to nothing").toEqual([]);
    await desk.pass(700);
    desk.click(agree);
    await desk.pass(300);
    expect(requests).toMatchObject([{ participant: A, instead: C }]);
  });

  it("on a site without picture and sound is asked about first, with the reason", async () => {
    desk.country.change(A, { media: "none" });
    await asking(A);
    expect(desk.text(".floor li")).toContain("Chưa nối hình và tiếng");
    desk.click(grantButton(A));
    expect(read(desk.dialog)).toContain("chưa nối được hình và tiếng");
    expect(requests).toEqual([]);
  });

  it("answers a question that has become untrue with nothing but a word about it", async () => {
    await asking(A);
    await speaking(C);
    desk.click(grantButton(A));
    await desk.pass(900);
    desk.country.grant(B);
    await desk.pass(300);
    expect(desk.dialog).toBeNull();
    expect(desk.text("[data-notice]")).toContain("vừa thay đổi");
    expect(requests).toEqual([]);
  });
});

describe("taking back", () => {
  it("gives the floor back to who had it", async () => {
    await asking(A);
    await speaking(C);
    desk.click(grantButton(A));
    await desk.pass(1_100);
    desk.click(desk.all("[data-agree]")[0] as HTMLElement);
    await desk.pass(1_300);
    expect(desk.text(".undo")).toContain("Xã Tân Thành, Tỉnh Lâm Đồng");
    expect(desk.text(".undo")).toContain("Phường Ba Đình, Thành phố Hà Nội");
    desk.click(desk.all("[data-undo]")[0] as HTMLElement);
    await desk.pass(500);
    expect(desk.country.holder?.participant).toBe(C);
  });

  it("is not meant by a key that comes as the focus does", async () => {
    await speaking(C);
    desk.click(desk.all("[data-revoke]")[0] as HTMLElement);
    await desk.pass(1_500);
    desk.all("[data-undo]")[0]?.focus();
    await desk.pass(200);
    desk.key("Enter");
    await desk.pass(300);
    expect(desk.country.holder).toBeNull();
    await desk.pass(300);
    desk.key("Enter");
    await desk.pass(300);
    expect(desk.country.holder?.participant).toBe(C);
  });

  it("is offered for five seconds, not in the first, in which a double press would hit it", async () => {
    await speaking(C);
    desk.click(desk.all("[data-revoke]")[0] as HTMLElement);
    await desk.pass(300);
    desk.click(desk.all("[data-undo]")[0] as HTMLElement);
    await desk.pass(300);
    expect(desk.country.holder).toBeNull();
    await desk.pass(4_900);
    expect(desk.all("[data-undo]")).toHaveLength(1);
    await desk.pass(1_000);
    expect(desk.all("[data-undo]")).toHaveLength(0);
  });
});

describe("the truth about a speaker", () => {
  it.each([
    [{ condition: { microphone: "off", camera: "on", mediaBlocked: false } }, "Micro tắt"],
    [{ condition: { microphone: "silent", camera: "on", mediaBlocked: false } }, "Không có tiếng"],
    [{ condition: { microphone: "on", camera: "missing", mediaBlocked: false } }, "Không có hình"],
    [{ ceased: ["camera"] }, "Không có hình"],
    [{ condition: { microphone: null, camera: null, mediaBlocked: true } }, "Mạng chặn hình và tiếng"],
  ] as const)("stands at its card: %j", async (part, words) => {
    await speaking(C);
    desk.country.change(C, part);
    await desk.pass(300);
    expect(desk.text("[data-holder].unwell .faults")).toBe(words);
  });
});

describe("muting and cutting off", () => {
  const sent = (): unknown[] => desk.country.server.heard.filter(({ type }) => type === "mute");
  const buttons = (): Record<string, HTMLElement> =>
    Object.fromEntries(desk.all("[data-holder] button").map((button) => [read(button), button]));

  it("are two verbs", async () => {
    await speaking(C);
    desk.click(buttons()["Tắt tiếng"] as HTMLElement);
    desk.click(buttons()["Ngắt hình và tiếng"] as HTMLElement);
    expect(sent()).toMatchObject([
      { participant: C, muted: true, soundOnly: true },
      { participant: C, muted: true, soundOnly: false },
    ]);
  });

  it("show on the card which of them it is, and how to take it back", async () => {
    await speaking(C);
    desk.country.change(C, { muted: true });
    await desk.pass(300);
    expect(desk.text("[data-holder] .faults")).toBe("Bị tắt tiếng");
    desk.country.change(C, { muted: true, cut: true });
    await desk.pass(300);
    expect(desk.text("[data-holder] .faults")).toBe("Bị ngắt hình và tiếng");
    desk.click(buttons()["Cho bật hình và tiếng"] as HTMLElement);
    expect(sent()).toMatchObject([{ participant: C, muted: false }]);
  });
});

describe("an invited site", () => {
  it("that has not answered is shown as such, and speaks from its first picture or sound", async () => {
    desk.country.grant(A);
    await desk.pass(7_300);
    expect(desk.text("[data-holder]")).toContain("Đang mời, chưa trả lời 0:07");
    expect(desk.text("[data-revoke]")).toBe("Thu lại");
    desk.country.begin();
    await desk.pass(3_200);
    expect(desk.text("[data-holder]")).toContain("đã nói 0:02");
    expect(desk.text("[data-revoke]")).toBe("Thu quyền phát biểu");
  });
});

describe("what is amiss with somebody", () => {
  it("stands at the queue and at the card, in colour", async () => {
    await asking(A);
    await speaking(C);
    desk.country.change(A, { state: "lost" });
    desk.country.change(C, { sources: ["camera"] });
    await desk.pass(300);
    expect(desk.text(".floor li.unwell")).toContain("Mất kết nối");
    expect(desk.text("[data-holder].unwell")).toContain("Micro tắt");
  });

  it("is said with the name of whom it concerns, and not for ever", async () => {
    await asking(A);
    desk.country.change(A, { state: "lost" });
    await desk.pass(300);
    desk.click(grantButton(A));
    await desk.pass(300);
    expect(desk.text("[data-notice]")).toContain("Xã Tân Thành, Tỉnh Lâm Đồng đang mất kết nối, chưa giao quyền được.");
    await desk.pass(10_000);
    expect(desk.all("[data-notice]")).toHaveLength(0);
  });
});

describe("from a fresh page, by keyboard, it takes no more than two steps", () => {
  it("to see who is missing in Lâm Đồng", async () => {
    desk.country.leave("P68003");
    await desk.pass(1_500);
    desk.key("/");
    desk.type("lam dong");
    await desk.pass(50);
    expect(desk.text(".hit")).toContain("Tỉnh Lâm Đồng");
    expect(desk.text(".hit")).toContain("5/7, vắng 2");
    desk.key("Enter");
    await desk.pass(50);
    desk.key("v");
    await desk.pass(50);
    expect(desk.all("[data-site]").map((row) => row.dataset["site"])).toEqual(["68", "68003"]);
  });

  it("to see who suffers", async () => {
    desk.country.change(B, { media: "silent" });
    desk.country.change(A, { media: "none" });
    desk.country.change(C, { score: 40 });
    desk.country.change("P68001", { score: 60 });
    desk.country.change("P68002", { score: 70 });
    await desk.pass(300);
    const filter = desk.all('[data-filter="suffering"]')[0] as HTMLElement;
    expect(read(filter)).toContain("4");
    filter.focus();
    desk.key("Enter");
    await desk.pass(50);
    expect(desk.all("[data-site]").map((row) => row.dataset["site"])).toEqual(["68000", "91000", "01001", "68001"]);
  });

  it("to give the floor to the Xã Tân Thành of Cà Mau", async () => {
    await desk.pass(1_000);
    desk.key("/");
    desk.type("tan thanh ca mau");
    await desk.pass(50);
    desk.key("Enter");
    await desk.pass(600);
    desk.key("Enter");
    await desk.pass(300);
    expect(desk.country.holder?.participant).toBe(B);
  });
});
