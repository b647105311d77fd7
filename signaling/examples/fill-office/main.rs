//! `fill-office`: puts an office of the size of a large country into the store that the environment names
//! (`DINH_DATA_DIR`, `DINH_STORE__URL`), as if it had worked there for a year. For `make bench-office`.
//!
//! Variables: `ACCOUNTS`, `BOOKINGS`, `SITES`. Says as JSON what is looked at afterwards.
#![expect(
    clippy::print_stdout,
    reason = "what it says is read by the bench that starts it"
)]

mod inviting;

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use ring::rand::SystemRandom;
use serde_json::json;
use signaling::accounts::{Account, AccountRole, Act, Details as Person, NewLogin};
use signaling::auth::{Keys, Role, SigningKey};
use signaling::booking::{Audience, Booking, Change, Details};
use signaling::check::{Cause, Measured, Outcome};
use signaling::data_dir::TOKEN_KEY;
use signaling::ids::{BookingId, SiteCode};
use signaling::sites::{Level, Site, SiteFilter, Wish};
use signaling::store::{Consent, NewMail, Store};
use signaling::{config, demo, fresh};
use tokio::task::JoinSet;

/// So many writes wait together, and share what a transaction costs.
const TOGETHER: usize = 1_000;

/// Of each of these, as many as an office has after a year.
const ACTS: usize = 100_000;
const LOGINS: usize = 5_000;

/// How many of the bookings are series, of one day a week for a year.
const SERIES_OF: usize = 20;

const FAMILIES: [&str; 8] = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Đỗ"];
const MIDDLES: [&str; 6] = ["Thị", "Văn", "Minh", "Quốc", "Thu", "Đức"];
const GIVEN: [&str; 10] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Lan", "Phúc", "Quân", "Yến",
];

type Done = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let now = Timestamp::now();
    let config = config::load(None)?;
    std::fs::create_dir_all(&config.data_dir)?;
    let key = SigningKey::load_or_create(&config.data_dir.join(TOKEN_KEY), &SystemRandom::new())?;
    let keys = Keys::new(&key, &[])?;
    let store = Store::open(&config.store.location(&config.data_dir)).await?;
    let sites = import(&store, count_of("SITES", 50_000)?).await?;
    let people = people(&store, count_of("ACCOUNTS", 150_000)?, &sites, now).await?;
    let cookie = log_in(&store, &people, now).await?;
    let bookings = count_of("BOOKINGS", 5_000)?;
    let Planned {
        usual,
        training,
        draft,
    } = plan(&store, bookings, &sites, now).await?;
    for booking in [&usual, &training] {
        inviting::invite(&store, keys.invitation_codes(), booking, now).await?;
    }
    check(&store, &sites, now).await?;
    write_to(&store, &sites, now).await?;
    act(&store, &people, now).await?;
    store.close().await;
    let said = json!({
        "usual": usual,
        "training": training,
        "draft": draft,
        "largestProvince": largest_province(&sites)?,
        "site": sites.iter().rfind(|site| site.level == Level::Commune).map(|site| &site.code),
        "invitation": keys.invitation_codes().code(&training, &sites.last().ok_or("no site")?.code, 1).reveal(),
        "sites": sites.len(),
        "accounts": people.len(),
        "bookings": bookings + 2,
        "cookieOfAProvince": cookie,
    });
    println!("{said}");
    Ok(())
}

fn count_of(name: &str, usual: usize) -> Result<usize, Box<dyn Error>> {
    match std::env::var(name) {
        Ok(count) if !count.is_empty() => Ok(count.parse()?),
        _ => Ok(usual),
    }
}

/// One of `all`, another one each time.
fn turn<'a>(all: &[&'a str], number: usize) -> &'a str {
    all.get(number % all.len()).copied().unwrap_or_default()
}

fn name(number: usize) -> String {
    let (family, rest) = (turn(&FAMILIES, number), number / FAMILIES.len());
    let (middle, rest) = (turn(&MIDDLES, rest), rest / MIDDLES.len());
    format!("{family} {middle} {}", turn(&GIVEN, rest))
}

/// Does the same to each, many at once.
async fn each<T, F>(all: impl IntoIterator<Item = T>, mut job: impl FnMut(T) -> F) -> Done
where
    F: Future<Output = Result<(), signaling::store::StoreError>> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for one in all {
        under_way.spawn(job(one));
        if under_way.len() >= TOGETHER
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

/// The sites of the country, and schools below its communes until there are as many as are wanted.
async fn import(store: &Store, count: usize) -> Result<Vec<Site>, Box<dyn Error>> {
    let consent = Consent {
        confirmed: true,
        digest: None,
    };
    let country = demo::SITES.as_bytes();
    store
        .import_sites(country, &Wish::default(), &consent)
        .await?;
    let known = store.sites(&SiteFilter::default()).await?;
    let communes: Vec<_> = known
        .iter()
        .filter(|site| site.level == Level::Commune)
        .collect();
    let mut list =
        "code,name,level,parent_code,contact_name,contact_phone,contact_email,seats,groups\n"
            .to_owned();
    for (number, site) in known.iter().enumerate() {
        let above = site.parent_code.as_ref().map_or("", SiteCode::as_str);
        list += &format!(
            "{0},\"{1}\",{2},{above},{3},024 {number:07},x{0}@xa.example.vn,40,\n",
            site.code,
            site.name,
            site.level.as_str(),
            name(number)
        );
    }
    for number in 0..count.saturating_sub(known.len()) {
        let above = communes.get(number % communes.len()).ok_or("no commune")?;
        let (person, group) = (name(number), number % 40);
        list += &format!(
            "S{number:05},Trường {} số {number},school,{},{person},024 {number:07},s{number}@truong.example.vn,\
             {},Cụm {group}\n",
            above.name,
            above.code,
            20 + number % 80
        );
    }
    store
        .import_sites(list.as_bytes(), &Wish::default(), &consent)
        .await?;
    Ok(store.sites(&SiteFilter::default()).await?)
}

/// People known by a provider, whose passwords nobody keeps here; some of them are logged in.
async fn people(
    store: &Store,
    count: usize,
    sites: &[Site],
    now: Timestamp,
) -> Result<Vec<Account>, Box<dyn Error>> {
    let provinces: Vec<_> = sites
        .iter()
        .filter(|site| site.level == Level::Province)
        .map(|site| site.code.clone())
        .collect();
    let mut accounts = Vec::with_capacity(count);
    for number in 0..count {
        let province = provinces.get(number % provinces.len()).cloned();
        let role = match number % 100 {
            0 => AccountRole::National,
            1 => AccountRole::Auditor,
            2 => AccountRole::Technician,
            3..60 => AccountRole::Chair,
            _ => AccountRole::Provincial,
        };
        let person = Person {
            name: name(number),
            email: Some(format!("person{number}@office.example.vn")),
            role,
            province: province.filter(|_| role == AccountRole::Provincial),
            is_disabled: number % 50 == 0,
        };
        let login = format!("{}.{number}", turn(&["an", "binh", "chau", "lan"], number));
        let mut account = fresh::account(login.parse()?, person, now);
        account.provider = Some("office".to_owned());
        accounts.push(account);
    }
    each(accounts.clone(), |account| {
        let store = store.clone();
        async move { store.add_account(account).await.map(drop) }
    })
    .await?;
    let in_now = accounts.iter().filter(|account| !account.is_disabled);
    each(in_now.take(LOGINS), |account| {
        let (store, account) = (store.clone(), account.id);
        async move {
            let login = NewLogin {
                id: fresh::login_id(),
                secret: fresh::secret().hash(),
                account,
                at: now,
                ends_at: now + SignedDuration::from_hours(12),
                address: "192.0.2.7".to_owned(),
                agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".to_owned()),
            };
            store.begin_login(login).await.map(drop)
        }
    })
    .await?;
    Ok(accounts)
}

/// Logs a provincial operator in, whose cookie the bench shows.
async fn log_in(
    store: &Store,
    people: &[Account],
    now: Timestamp,
) -> Result<String, Box<dyn Error>> {
    let is_meant = |account: &&Account| account.province.is_some() && !account.is_disabled;
    let account = people
        .iter()
        .find(is_meant)
        .ok_or("nobody is of a province")?;
    let secret = fresh::secret();
    let login = NewLogin {
        id: fresh::login_id(),
        secret: secret.hash(),
        account: account.id,
        at: now,
        ends_at: now + SignedDuration::from_hours(12),
        address: "192.0.2.7".to_owned(),
        agent: None,
    };
    store.begin_login(login).await?;
    Ok(secret.reveal())
}

/// The province with the most communes: its sheet is the longest that is printed.
fn largest_province(sites: &[Site]) -> Result<SiteCode, Box<dyn Error>> {
    let mut communes: HashMap<&SiteCode, usize> = HashMap::new();
    let all = sites.iter().filter(|site| site.level == Level::Commune);
    for above in all.filter_map(|site| site.parent_code.as_ref()) {
        *communes.entry(above).or_default() += 1;
    }
    let largest = communes
        .into_iter()
        .max_by_key(|(code, count)| (*count, *code));
    Ok(largest.ok_or("no province")?.0.clone())
}

/// The bookings that are looked at.
struct Planned {
    /// Invites the country.
    usual: BookingId,
    /// Invites every site.
    training: BookingId,
    /// Would invite every site as well, and is a draft.
    draft: BookingId,
}

/// Bookings over the year that begins three months ago, of which each twentieth is a series; one invites
/// every site, and so does a draft.
async fn plan(
    store: &Store,
    count: usize,
    sites: &[Site],
    now: Timestamp,
) -> Result<Planned, Box<dyn Error>> {
    let codes = |wanted: &dyn Fn(&Site) -> bool| {
        let wanted = sites.iter().filter(|site| wanted(site));
        Audience::of(wanted.map(|site| site.code.clone()))
    };
    let everybody = codes(&|_| true);
    let country = codes(&|site| site.level != Level::School);
    let provinces: Vec<_> = sites
        .iter()
        .filter(|site| site.level == Level::Province)
        .map(|province| codes(&|site| site.parent_code.as_ref() == Some(&province.code)))
        .collect();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let planned_at = now - SignedDuration::from_hours(100 * 24);
    let mut updates = Vec::with_capacity(count);
    for number in 0..count {
        let audience = match number % 3 {
            0 => provinces
                .get(number % provinces.len())
                .ok_or("no province")?,
            _ => &country,
        };
        let days = i64::try_from(number % 365)? - 90;
        let day = today.checked_add(days.days())?;
        updates.push((
            booking((&format!("B{number}"), number), day, audience, planned_at)?,
            audience.clone(),
        ));
    }
    let tomorrow = today.checked_add(1.day())?;
    let training = booking(("training", 1), tomorrow, &everybody, planned_at)?;
    let draft = booking(("draft", 1), tomorrow, &everybody, planned_at)?;
    let usual = updates.iter().find(|((_, published), audience)| {
        audience.count() == country.count()
            && published.occurrences.iter().any(|day| day.starts_at > now)
    });
    let planned = Planned {
        usual: usual.ok_or("no booking is usual")?.0.1.booking.id.clone(),
        training: training.1.booking.id.clone(),
        draft: draft.1.booking.id.clone(),
    };
    store.keep_booking(draft.0, everybody.clone()).await?;
    updates.push((training, everybody));
    each(updates, |((draft, published), audience)| {
        let store = store.clone();
        async move {
            store.keep_booking(draft, audience.clone()).await?;
            store.keep_booking(published, audience).await.map(drop)
        }
    })
    .await?;
    Ok(planned)
}

type Steps = (signaling::booking::Update, signaling::booking::Update);

/// A draft, and how it is published.
fn booking(
    (id, number): (&str, usize),
    day: Date,
    audience: &Audience,
    at: Timestamp,
) -> Result<Steps, Box<dyn Error>> {
    let hour = 7 + number % 10;
    let rule = (number % SERIES_OF == 0).then_some("FREQ=WEEKLY;COUNT=52");
    let items: Vec<_> = (1..=6)
        .map(|item| json!({"title": format!("Nội dung {item} của cuộc họp"), "minutes": 15}))
        .collect();
    let details: Details = serde_json::from_value(json!({
        "title": format!("Hội nghị trực tuyến toàn quốc số {number}"),
        "startsAtLocal": format!("{day}T{hour:02}:00:00"),
        "zone": "Asia/Ho_Chi_Minh",
        "durationMinutes": 90,
        "rule": rule,
        "hall": "VN",
        "chair": {"name": name(number)},
        "audience": {"all": true},
        "agenda": items,
    }))?;
    let by = "bench";
    let draft = Booking::draft(id.parse()?, details, audience, (by, at))?;
    let change = Change {
        version: 1,
        by,
        now: at,
        former: &draft.occurrences,
    };
    let published = draft.booking.publish(change, audience)?;
    Ok((draft, published))
}

/// Each site's line was checked, and each tenth is amiss.
async fn check(store: &Store, sites: &[Site], now: Timestamp) -> Done {
    let codes: Vec<SiteCode> = sites.iter().map(|site| site.code.clone()).collect();
    each(codes.into_iter().enumerate(), |(number, site)| {
        let store = store.clone();
        async move {
            let outcome = Outcome {
                code: fresh::check_code(),
                at: now - SignedDuration::from_millis(i64::try_from(number).unwrap_or_default()),
                site: Some(site),
                address: "192.0.2.7".to_owned(),
                cause: if number % 10 == 0 {
                    Cause::UdpBlocked
                } else {
                    Cause::AllGood
                },
                measured: Measured::default(),
            };
            store.keep_check(outcome).await
        }
    })
    .await
}

/// A mail to each site waits for its turn.
async fn write_to(store: &Store, sites: &[Site], now: Timestamp) -> Done {
    let mails: Vec<_> = sites
        .iter()
        .map(|site| NewMail {
            id: fresh::mail(),
            about: format!("trial:{}", site.code),
            recipient: format!("{}@truong.example.vn", site.code),
            content: signaling::mail::Content::Trial.to_json(),
            useless_at: now + SignedDuration::from_hours(48),
        })
        .collect();
    store.queue_mail(mails, false, now).await?;
    Ok(())
}

/// What people asked for in a year.
async fn act(store: &Store, people: &[Account], now: Timestamp) -> Done {
    each(
        people.iter().cycle().take(ACTS).enumerate(),
        |(number, account)| {
            let (store, account) = (store.clone(), account.clone());
            async move {
                let ago = i64::try_from(number).unwrap_or_default() * 100;
                let at = now - SignedDuration::from_secs(ago);
                let act = Act {
                    id: fresh::act(at),
                    at,
                    subject: format!("account:{}", account.id),
                    name: Some(account.name),
                    account: Some(account.id),
                    role: Role::National,
                    token: fresh::token_id(),
                    method: "PATCH".to_owned(),
                    route: "/api/v1/bookings/{booking}".to_owned(),
                    about: "/api/v1/bookings/b-9x4".to_owned(),
                    status: 200,
                    code: None,
                    address: "192.0.2.7".to_owned(),
                };
                store.record_act(act).await
            }
        },
    )
    .await
}
