//! Sheets to print: a slip for each site of a province, with its link as a QR code, to be cut apart and
//! handed out. A page without a script. Pure: no clock, no store.

mod qr;

use askama::Template as _;
use jiff::Zoned;

use self::qr::Drawing;
use crate::booking::Language;
use crate::letters::words;

/// What is printed for one province.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The language it is written in.
    pub language: Language,
    /// What the province is called.
    pub province: String,
    /// The number to call there; may be empty.
    pub phone: String,
    /// What the conference is called.
    pub title: String,
    /// When it begins; of a series, the next time.
    pub starts_at: Zoned,
    /// How long it takes.
    pub duration_minutes: u32,
    /// How many times a series takes place after that.
    pub more_days: usize,
    /// When this was made: of two sheets, the newer counts.
    pub made_at: Zoned,
    /// A slip for each, in this order.
    pub slips: Vec<Slip>,
}

/// What is handed to one site.
#[derive(Clone, Debug)]
pub struct Slip {
    /// What the site is called.
    pub name: String,
    /// Its code among the sites.
    pub site_code: String,
    /// Its link.
    pub url: String,
    /// The code in the link, in groups of four.
    pub code: String,
}

/// What the page may do: show its own words.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Slips beside each other on a page.
const ACROSS: usize = 2;

/// The page.
#[must_use]
pub fn page(sheet: &Sheet) -> String {
    let language = sheet.language;
    let words = Words::of(language);
    let slips: Vec<_> = sheet.slips.iter().map(Cut::of).collect();
    let page = Page {
        words: &words,
        province: words::one_line(&sheet.province),
        phone: words::one_line(&sheet.phone),
        title: words::one_line(&sheet.title),
        day: words::day(language, &sheet.starts_at),
        time: words::time(language, &sheet.starts_at),
        zone: words::zone(language, &sheet.starts_at),
        duration: words::duration(language, sheet.duration_minutes),
        more: words::more_days(language, sheet.more_days),
        made: format!(
            "{}, {}",
            words::time(language, &sheet.made_at),
            words::day(language, &sheet.made_at)
        ),
        count: slips.len(),
        rows: slips.chunks(ACROSS).collect(),
    };
    // It is written to memory, and nothing in it can fail.
    page.render().unwrap_or_default()
}

#[derive(askama::Template)]
#[template(path = "sheets.html")]
struct Page<'a> {
    words: &'a Words,
    province: String,
    phone: String,
    title: String,
    day: String,
    time: String,
    zone: String,
    duration: String,
    more: String,
    made: String,
    count: usize,
    rows: Vec<&'a [Cut]>,
}

/// A slip as it is shown.
struct Cut {
    name: String,
    site_code: String,
    /// What stands in the link before its code, without `https://`, which nobody need type.
    address: String,
    code: String,
    /// None for a link that no QR code holds.
    drawing: Option<Drawing>,
}

impl Cut {
    fn of(slip: &Slip) -> Self {
        let url = words::one_line(&slip.url);
        let code = words::one_line(&slip.code);
        let address = url.strip_prefix("https://").unwrap_or(&url);
        let address = address.strip_suffix(&code).unwrap_or(address).to_owned();
        Self {
            name: words::one_line(&slip.name),
            site_code: words::one_line(&slip.site_code),
            address,
            code,
            drawing: Drawing::of(&url),
        }
    }
}

/// The sentences of the page.
struct Words {
    language: &'static str,
    heading: &'static str,
    slips: &'static str,
    made: &'static str,
    to_print: &'static str,
    cut: &'static str,
    time: &'static str,
    site_code: &'static str,
    address: &'static str,
    code: &'static str,
    qr: &'static str,
    how: &'static str,
    help: &'static str,
    private: &'static str,
    nobody: &'static str,
}

impl Words {
    const fn of(language: Language) -> Self {
        match language {
            Language::Vi => Self {
                language: "vi",
                heading: "Phiếu vào họp của các điểm cầu",
                slips: "Số phiếu",
                made: "In từ dữ liệu lúc",
                to_print: "Nhấn Ctrl + P để in (giấy A4, tỉ lệ 100%).",
                cut: "Cắt theo đường kẻ. Mỗi điểm cầu chỉ nhận phiếu của mình.",
                time: "Thời gian",
                site_code: "Mã điểm cầu",
                address: "Đường liên kết",
                code: "Mã vào họp",
                qr: "Mã QR của đường liên kết",
                how: "Gõ đường liên kết vào trình duyệt, hoặc quét mã QR.",
                help: "Cần giúp, gọi",
                private: "Chỉ dành cho điểm cầu này.",
                nobody: "Không có điểm cầu nào của địa phương này được mời.",
            },
            Language::En => Self {
                language: "en",
                heading: "A slip for each site",
                slips: "Slips",
                made: "As of",
                to_print: "Press Ctrl + P to print (A4 paper, 100%).",
                cut: "Cut along the lines. Each site gets its own slip only.",
                time: "Time",
                site_code: "Site code",
                address: "Link",
                code: "Code",
                qr: "QR code of the link",
                how: "Type the link into a browser, or scan the QR code.",
                help: "For help, call",
                private: "For this site alone.",
                nobody: "No site of this province is invited.",
            },
        }
    }
}

#[cfg(test)]
mod tests;
