// Every state of the operator's page: name, path, claims, what to do before the picture is taken.

const OPERATOR = { role: "operator" };

/** Pages for `screens.mjs`, with its steps. */
export function operatorPages({ click, pause, steps }) {
  /** On a narrow screen one column is shown at a time. */
  const tab = (index) => async (page) => {
    const button = page.locator("nav button").nth(index);
    if (await button.isVisible()) await button.click();
  };
  const floor = steps(pause(1400), tab(2));
  const search = (words) => steps(pause(1000), (page) => page.locator('input[type="search"]').fill(words), pause(400));
  const grant = (index) => (page) => page.locator(".floor li [data-grant]").nth(index).click();
  const filter = (name) => steps(pause(1000), (page) => page.locator(`[data-filter="${name}"]`).click(), pause(500));
  const state = (name, act, claims = OPERATOR) => [`operator-${name}`, "/operator", claims, act];
  return [
    ["operator", "/operator", OPERATOR, pause(1800)],
    state("floor", floor),
    state("stage", steps(pause(1400), tab(1))),
    state("province", steps(pause(1000), (page) => page.locator("tbody th button", { hasText: "Lâm Đồng" }).click(), pause(400), (page) => page.locator(".entry .line").nth(1).click(), pause(500))),
    state("centre", steps(pause(1000), (page) => page.locator("tbody tr.centre button").click(), pause(500))),
    state("missing", filter("absent")),
    state("lost", filter("lost")),
    state("suffering", filter("suffering")),
    state("asking", filter("asking")),
    state("search", search("tan thanh ca mau")),
    state("search-province", search("lam dong")),
    state("search-nothing", search("khong co dau")),
    state("question", steps(floor, grant(0), pause(300))),
    state("question-no-media", steps(floor, grant(2), pause(300))),
    state("question-key", steps(floor, (page) => page.keyboard.press("r"), pause(300))),
    state("undo", steps(floor, grant(0), pause(1200), (page) => page.locator("[data-agree]").click(), pause(1600))),
    state("going-up", steps(floor, grant(0), pause(1200), (page) => page.locator("[data-agree]").click(), pause(60))),
    state("invited", steps(floor, (page) => page.locator(".floor li [data-grant]").last().click(), pause(1200), (page) => page.locator("[data-agree]").click(), pause(3200))),
    state("refused", steps(floor, grant(1), pause(1200), (page) => page.locator("[data-agree]").click(), pause(400))),
    state("remove", steps(search("tan thanh ca mau"), (page) => page.locator(".entry .line").first().click(), click(/Ngắt điểm cầu|^Remove$/), pause(300))),
    state("leave", steps(pause(1200), click(/Rời hội nghị|Leave the conference/), pause(300))),
    state("end", steps(floor, click(/Kết thúc hội nghị|End the conference/), pause(300))),
    state("help", steps(pause(1200), (page) => page.keyboard.press("?"), pause(300))),
    ...["thumbnail", "second", "main", "audio", "over"].map((trouble) => state(`trouble-${trouble}`, pause(1200), { ...OPERATOR, trouble })),
  ];
}
