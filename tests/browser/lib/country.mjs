// The country's sites as an office keeps them in a spreadsheet, with what a spreadsheet does to them.

import { readFileSync } from "node:fs";

const LIST = new URL("../../../signaling/data/sites-vn-2025.csv", import.meta.url);

const LEVELS = { central: "Trung ương", province: "Tỉnh", commune: "Xã" };

/** What the office calls its columns. No list calls what is above a site like this: somebody has to say so. */
const HEADERS = ["STT", "Mã ĐVHC", "Tên đơn vị", "Cấp", "Cơ quan chủ quản", "Đầu mối", "SĐT", "Hộp thư"];
export const ABOVE = HEADERS[4];

/** Every site: code, name, level, and the code of the one above it. */
export const SITES = readFileSync(LIST, "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [code, name, level, above] = line.split(",");
    return { code, name, level, above };
  });

/** Where letters to a site go. */
export const addressOf = (code) => `${code.toLowerCase()}@xa.example.vn`;

function row({ code, name, level, above }, index) {
  const phone = `024${String(1_000_000 + index)}`;
  return [index + 1, code, name, LEVELS[level], above === "" ? null : above, `Văn phòng ${name}`, phone, addressOf(code)];
}

/** The rows of the spreadsheet; `spoil` is what went wrong while it was kept. */
export function rows(spoil = (list) => list) {
  return [["DANH SÁCH ĐIỂM CẦU NĂM 2025"], [], HEADERS, ...spoil(SITES.map(row))];
}

/** The site that stands twice in a spoilt list. */
export const TWICE = SITES[100];

/** A code that was typed into a column of numbers, and a site that stands there twice. */
export function spoilt(list) {
  const changed = list.map((cells) => [...cells]);
  const eaten = changed.find(([, code]) => code === "00004");
  eaten[1] = Number(eaten[1]);
  changed.push([...changed[SITES.indexOf(TWICE)]]);
  return changed;
}
