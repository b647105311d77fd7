// The make-believe server's letters: the texts that come with the program, and one that an office has written.

import { readFileSync } from "node:fs";

const KINDS = ["invitation", "change", "cancellation"];
const LANGUAGES = ["vi", "en"];

/** What a letter may tell, as it would. */
const EXAMPLES = {
  vi: {
    site: "Phường Ba Đình", site_code: "00004", title: "Giao ban toàn quốc", kind: "giao ban", day: "thứ Hai, ngày 30/11/2026", time: "08 giờ 00",
    zone: "giờ Việt Nam, UTC+7", duration: "1 giờ 30 phút", days: "- thứ Hai, ngày 07/12/2026, 08 giờ 00\n- thứ Hai, ngày 14/12/2026, 08 giờ 00",
    hall: "Hội trường Trung ương", chair: "Nguyễn Văn An", agenda: "1. Khai mạc (10 phút)\n2. Báo cáo tình hình tháng – Hà Nội (30 phút)",
    link: "https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS", code: "7KQM-2FJX-9VTP-3HWS", reason: "dành thời gian phòng, chống bão",
    contact: "Văn phòng – 024 3804 3100 – vanphong@example.vn",
  },
};
EXAMPLES.en = {
  ...EXAMPLES.vi, site: "Ba Đình Ward", title: "National briefing", kind: "briefing", day: "Monday, 30 November 2026", time: "08:00", zone: "Vietnam time, UTC+7",
  duration: "1 hour 30 minutes", days: "- Monday, 7 December 2026, 08:00\n- Monday, 14 December 2026, 08:00", hall: "Central Hall",
  agenda: "1. Opening (10 minutes)\n2. Report of the month – Hà Nội (30 minutes)", reason: "all forces are needed against the storm",
  contact: "The office – 024 3804 3100 – vanphong@example.vn",
};

/** What letters of each kind do not know. */
const WITHOUT = { invitation: ["reason"], change: ["reason"], cancellation: ["link", "code", "agenda"] };

function usual(kind, language) {
  const [subject, ...body] = readFileSync(new URL(`../../signaling/letters/${language}/${kind}.txt`, import.meta.url), "utf8").split("\n\n");
  return { subject, body: body.join("\n\n") };
}

function letter(kind, language, written) {
  const placeholders = Object.entries(EXAMPLES[language]).map(([name, example]) => ({ name, example }));
  return {
    kind, language, version: 0, isEdited: false, ...usual(kind, language), ...written,
    placeholders: placeholders.filter(({ name }) => !WITHOUT[kind].includes(name)),
  };
}

/** A text with everything said that it may say. */
function filled(text, examples) {
  return text.replaceAll(/^\{% (?:if \w+|endif) %\}\n/gmu, "").replaceAll(/\{\{ (\w+) \}\}/gu, (_, name) => examples[name] ?? "");
}

function problemOf(kind, { subject, body }, examples) {
  for (const [part, text] of Object.entries({ subject, body })) {
    for (const [index, line] of text.split("\n").entries()) {
      const wrong = [...line.matchAll(/\{\{ (\w+) \}\}/gu)].find(([, name]) => !(name in examples));
      if (wrong !== undefined) return { part, line: index + 1, reason: "unknownPlaceholder", found: wrong[1] };
    }
  }
  const isLacking = kind !== "cancellation" && !body.includes("{{ link }}");
  return isLacking ? { part: "body", line: body.split("\n").length, reason: "linkMissing", found: "" } : null;
}

export function planLetters(office) {
  const edited = { version: 3, isEdited: true, editedBy: "Nguyễn Thị Minh Khai", editedAt: new Date(Date.now() - 26 * 3_600_000).toISOString() };
  office.on("GET", "/letters", () =>
    KINDS.flatMap((kind) => LANGUAGES.map((language) => letter(kind, language, kind === "cancellation" && language === "vi" ? edited : {}))),
  );
  office.on("PUT", "/letters/{kind}/{language}", ({ params: { kind, language }, body: { version, ...text } }) =>
    letter(kind, language, { ...edited, ...text, version: version + 1 }),
  );
  office.on("DELETE", "/letters/{kind}/{language}", ({ params: { kind, language } }) => letter(kind, language, { ...edited, isEdited: false, version: 4 }));
  office.on("POST", "/letters/{kind}/{language}/preview", ({ params: { kind, language }, body }) => {
    const examples = EXAMPLES[language];
    const problem = problemOf(kind, body, examples);
    if (problem?.reason === "unknownPlaceholder") return { subject: null, text: null, html: null, problem };
    return { subject: filled(body.subject, examples), text: filled(body.body, examples), html: "", problem };
  });
}
