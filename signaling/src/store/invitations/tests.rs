//! Invitations, from the first row to the last reply.

use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::auth::{
    CodeHash, CodeKey, Keys, Role, SecretHash, SessionSecret, SigningKey, Withdrawn,
};
use crate::booking::Booking;
use crate::ids::{MailId, TokenId};
use crate::invitations::Whom;
use crate::schedule::Schedule;
use crate::sites::Wish;
use crate::store::{Consent, MailFinished, MailState, NewMail, TokenRow};
use crate::testing::location;

const SITES: &str = "code,name,level,parent_code,contact_email\nVN,Centre,central,,\n\
    01,Hanoi,province,VN,tinh@example.vn\n02,Hue,province,VN,\n\
    011,Ba Dinh,commune,01,ba-dinh@example.vn\n012,Ngoc Ha,commune,01,ngoc-ha@example.vn\n\
    021,Phu Xuan,commune,02,phu-xuan@example.vn\n";

struct House {
    store: Store,
    codes: CodeKey,
    _directory: TempDir,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn site(code: &str) -> SiteCode {
    code.parse().unwrap()
}

impl House {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let (wish, consent) = (Wish::default(), Consent::default());
        let imported = store.import_sites(SITES.as_bytes(), &wish, &consent);
        imported.await.unwrap();
        let keys = Keys::new(&SigningKey::from_seed(&[7; 32]), &[]).unwrap();
        Self {
            store,
            codes: keys.invitation_codes().clone(),
            _directory: directory,
        }
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule {
            store: &self.store,
            by: "an",
            now: at(0),
        }
    }

    /// A weekly series for these sites, published and enrolled.
    async fn publish(&self, sites: &[&str]) -> Booking {
        let details = json!({
            "title": "Weekly", "startsAtLocal": "2027-02-01T08:00:00", "zone": "UTC",
            "durationMinutes": 60, "rule": "FREQ=WEEKLY;COUNT=3", "audience": {"codes": sites},
        });
        let details = serde_json::from_value(details).unwrap();
        let schedule = self.schedule();
        let draft = schedule.draft(details).await.unwrap();
        let booking = schedule.publish(&draft.id, 1).await.unwrap();
        self.enrol(&booking).await;
        booking
    }

    async fn enrol(&self, booking: &Booking) {
        self.store.enrol(&booking.id, &self.codes).await.unwrap();
    }

    async fn invite(&self, booking: &Booking, sites: &[&str]) -> Booking {
        let codes: Vec<_> = sites.iter().map(|code| site(code)).collect();
        let schedule = self.schedule();
        let changed = schedule.revise(&booking.id, booking.version, |old| {
            let mut new = old;
            new.audience.codes = codes.into_iter().collect();
            new
        });
        changed.await.unwrap()
    }

    async fn rename(&self, booking: &Booking) -> Booking {
        let schedule = self.schedule();
        let changed = schedule.revise(&booking.id, booking.version, |old| {
            let mut new = old;
            new.title = "Monthly".to_owned();
            new
        });
        changed.await.unwrap()
    }

    async fn reissue(&self, booking: &Booking, code: &str) -> Option<Reissued> {
        let (site, by) = (site(code), ("an", at(10)));
        let reissued = self.store.reissue(&booking.id, &site, &self.codes, by);
        reissued.await.unwrap()
    }

    async fn filter(&self, booking: &Booking) -> InvitationFilter {
        let newest = self.store.newest_notice(&booking.id, at(0)).await.unwrap();
        InvitationFilter {
            booking: booking.id.clone(),
            audience: booking.audience.clone(),
            newest: newest.map(|newest| newest.notice),
            within: None,
            below: None,
            state: None,
            after: None,
        }
    }

    /// Site, state, and whether it must be told again.
    async fn list(&self, booking: &Booking) -> Vec<(String, InvitationState, bool)> {
        let filter = self.filter(booking).await;
        let rows = self.store.invitations(&filter, 100).await.unwrap();
        let rows = rows.into_iter();
        rows.map(|row| (row.site.to_string(), row.state, row.must_be_told_again))
            .collect()
    }

    async fn send(&self, booking: &Booking, whom: Whom, second: i64) -> Sent {
        let newest = self.filter(booking).await.newest.unwrap();
        let sending = Sending {
            booking: booking.id.clone(),
            audience: booking.audience.clone(),
            notice: newest,
            only_told: false,
            whom,
            after: None,
            by: "an".to_owned(),
            now: at(second),
        };
        let sent = self.store.send_invitations(sending, move |to| {
            let number = u64::try_from(second).unwrap() * 1_000 + u64::from(to.sends);
            let id = MailId::new(number, to.site.as_str().parse().unwrap());
            Some(NewMail {
                id,
                about: format!("{} {newest} {}", to.site, to.sends),
                recipient: to.address.clone(),
                content: "{}".to_owned(),
                useless_at: at(1_000_000_000),
            })
        });
        sent.await.unwrap()
    }

    /// Every mail that waits comes to this.
    async fn deliver(&self, state: MailState, second: i64) {
        let mut finished = None;
        loop {
            let next = self.store.next_mail(1, finished.take(), true, at(second));
            let Some(mail) = next.await.unwrap() else {
                return;
            };
            finished = Some(MailFinished {
                id: mail.id,
                state,
                due_at: at(second),
                is_attempt: true,
                said: None,
            });
        }
    }

    fn code(&self, booking: &Booking, code: &str, generation: u32) -> CodeHash {
        self.codes.code(&booking.id, &site(code), generation).hash()
    }
}

fn not_sent() -> Whom {
    Whom::States([NotSent].into())
}

use InvitationState::{NotSent, Opened, Queued, Refused, Sent as WasSent};

#[tokio::test]
async fn each_site_of_the_audience_is_listed_with_its_province_whoever_is_invited_later_too() {
    let house = House::open().await;
    let booking = house.publish(&["011", "02"]).await;
    let list = house.list(&booking).await;
    let wanted = [("011", NotSent, false), ("02", NotSent, false)];
    assert_eq!(
        list,
        wanted.map(|(site, state, again)| (site.to_owned(), state, again))
    );
    let filter = house.filter(&booking).await;
    let rows = house.store.invitations(&filter, 100).await.unwrap();
    let provinces: Vec<_> = rows.iter().map(|row| row.province.clone()).collect();
    assert_eq!(provinces, [Some(site("01")), Some(site("02"))]);

    let changed = house.invite(&booking, &["011", "012", "021"]).await;
    house.enrol(&changed).await;
    let sites: Vec<_> = house
        .list(&changed)
        .await
        .into_iter()
        .map(|row| row.0)
        .collect();
    assert_eq!(sites, ["011", "012", "021"]);
    let hanoi = InvitationFilter {
        within: Some(site("01")),
        ..house.filter(&changed).await
    };
    let rows = house.store.invitations(&hanoi, 100).await.unwrap();
    assert_eq!(rows.len(), 2);
    let paged = InvitationFilter {
        after: Some(site("011")),
        ..hanoi.clone()
    };
    let rows = house.store.invitations(&paged, 1).await.unwrap();
    assert_eq!(rows[0].site, site("012"));
    let tally = house.store.tally_invitations(&hanoi).await.unwrap();
    assert_eq!(tally.len(), 1);
    assert_eq!((tally[0].state, tally[0].count), (NotSent, 2));
}

#[tokio::test]
async fn a_mail_is_sent_once_however_often_somebody_clicks_and_its_fate_is_the_invitations() {
    let house = House::open().await;
    let booking = house.publish(&["011", "012", "02"]).await;
    let sent = house.send(&booking, not_sent(), 1).await;
    assert_eq!((sent.queued, sent.without_address), (2, 1));
    for whom in [not_sent(), Whom::Sites([site("011")].into())] {
        let again = house.send(&booking, whom, 2).await;
        assert_eq!(again.queued, 0, "it waits");
    }
    assert_eq!(house.list(&booking).await[0].1, Queued);
    house.deliver(MailState::Sent, 3).await;
    let of = |list: Vec<(String, InvitationState, bool)>| -> Vec<InvitationState> {
        list.into_iter().map(|row| row.1).collect()
    };
    assert_eq!(of(house.list(&booking).await), [WasSent, WasSent, NotSent]);
    let twice = house
        .send(&booking, Whom::Sites([site("011")].into()), 4)
        .await;
    assert_eq!(twice.queued, 0, "it has just left");
    let later = house
        .send(&booking, Whom::Sites([site("011")].into()), 200)
        .await;
    assert_eq!(later.queued, 1, "somebody wants it again");
    house.deliver(MailState::Refused, 201).await;
    assert_eq!(of(house.list(&booking).await), [Refused, WasSent, NotSent]);
    let refused = house
        .send(&booking, Whom::States([Refused].into()), 202)
        .await;
    assert_eq!(refused.queued, 1, "the address may be another by now");
}

#[tokio::test]
async fn who_was_told_of_what_has_changed_must_be_told_again_and_nobody_else() {
    let house = House::open().await;
    let booking = house.publish(&["011", "012"]).await;
    house
        .send(&booking, Whom::Sites([site("011")].into()), 1)
        .await;
    house.deliver(MailState::Sent, 2).await;
    let changed = house.rename(&booking).await;
    let again = |list: Vec<(String, InvitationState, bool)>| -> Vec<bool> {
        list.into_iter().map(|row| row.2).collect()
    };
    assert_eq!(again(house.list(&changed).await), [true, false]);
    let sent = house.send(&changed, Whom::MustBeToldAgain, 3).await;
    assert_eq!(sent.queued, 1);
    assert_eq!(again(house.list(&changed).await), [true, false], "it waits");
    house.deliver(MailState::GivenUp, 4).await;
    assert_eq!(again(house.list(&changed).await), [true, false], "in vain");
    let sent = house.send(&changed, Whom::MustBeToldAgain, 5).await;
    assert_eq!(sent.queued, 1);
    house.deliver(MailState::Sent, 6).await;
    assert_eq!(again(house.list(&changed).await), [false, false]);
}

#[tokio::test]
async fn a_mail_that_tells_more_than_it_was_asked_for_has_told_it() {
    let house = House::open().await;
    let booking = house.publish(&["011"]).await;
    house.send(&booking, not_sent(), 1).await;
    let changed = house.rename(&booking).await;
    let mail = house.store.mails(None, None, 1).await.unwrap()[0].id;
    let newest = house.filter(&changed).await.newest.unwrap();
    let site = site("011");
    let telling = house.store.note_telling(&booking.id, &site, mail, newest);
    telling.await.unwrap();
    house.deliver(MailState::Sent, 2).await;
    assert!(!house.list(&changed).await[0].2);
}

#[tokio::test]
async fn a_page_that_is_opened_is_news_until_another_mail_is_sent() {
    let house = House::open().await;
    let booking = house.publish(&["011"]).await;
    let code = house.code(&booking, "011", 1);
    house.send(&booking, not_sent(), 1).await;
    house.deliver(MailState::Sent, 2).await;
    let invited = house.store.invited_by(&code).await.unwrap().unwrap();
    assert!(invited.is_news && invited.is_invited);
    house.store.note_opened(&code, at(3)).await.unwrap();
    assert_eq!(house.list(&booking).await[0].1, Opened);
    let invited = house.store.invited_by(&code).await.unwrap().unwrap();
    assert!(!invited.is_news);
    house
        .send(&booking, Whom::Sites([site("011")].into()), 100)
        .await;
    assert_eq!(house.list(&booking).await[0].1, Queued);
    let invited = house.store.invited_by(&code).await.unwrap().unwrap();
    assert!(invited.is_news);
}

#[tokio::test]
async fn whoever_is_invited_no_more_holds_a_dead_code_before_anybody_looks_and_after() {
    let house = House::open().await;
    let booking = house.publish(&["011", "012"]).await;
    let changed = house.invite(&booking, &["012"]).await;
    let is_invited = async |code: &str| {
        let code = house.code(&booking, code, 1);
        let invited = house.store.invited_by(&code).await.unwrap();
        invited.unwrap().is_invited
    };
    for _ in 0..2 {
        assert!(!is_invited("011").await);
        assert!(is_invited("012").await);
        house.enrol(&changed).await;
    }
    let back = house.invite(&changed, &["011", "012"]).await;
    assert!(is_invited("011").await, "the code is the same");
    house.enrol(&back).await;
    assert!(is_invited("011").await);
}

#[tokio::test]
async fn a_reply_is_kept_and_is_an_event_once() {
    let house = House::open().await;
    let booking = house.publish(&["011"]).await;
    let code = house.code(&booking, "011", 1);
    let coming = Reply {
        is: ReplyKind::Coming,
        reason: None,
        who: None,
        count: Some(4),
        at: at(1),
    };
    for second in [1, 2] {
        let given = Reply {
            at: at(second),
            ..coming.clone()
        };
        assert!(house.store.keep_reply(&code, given).await.unwrap());
    }
    let filter = house.filter(&booking).await;
    let rows = house.store.invitations(&filter, 1).await.unwrap();
    assert_eq!(rows[0].reply.as_ref().unwrap().count, Some(4));
    let tally = house.store.tally_invitations(&filter).await.unwrap();
    assert_eq!(tally[0].reply, Some(ReplyKind::Coming));
    let journal = house.store.journal_after(0, 100).await.unwrap();
    let replies = journal.entries.iter();
    let replies = replies.filter(|entry| entry.kind() == "invitationReplied");
    assert_eq!(replies.count(), 1);
    let stranger = house.code(&booking, "012", 1);
    assert!(!house.store.keep_reply(&stranger, coming).await.unwrap());
}

fn browser(number: u8) -> SecretHash {
    SessionSecret::new([number; 16]).hash()
}

fn entering(booking: &Booking, code: &CodeHash, device: u8, number: u128) -> EnteredBy {
    EnteredBy {
        code: code.clone(),
        device: browser(device),
        devices: 2,
        audience: booking.audience.clone(),
        conference: "c".parse().unwrap(),
        token: TokenRow {
            id: TokenId::generate(1, number),
            subject: "011".to_owned(),
            role: Role::Site,
            site: Some(site("011")),
            conference: Some("c".parse().unwrap()),
            scope: None,
            province: None,
            issued_by: "invitation".to_owned(),
            issued_at: at(0),
            expires_at: at(100),
            revoked_at: None,
        },
        until: at(90),
    }
}

#[tokio::test]
async fn a_link_gives_the_same_token_in_as_many_browsers_as_it_may_until_it_is_issued_anew() {
    let house = House::open().await;
    let booking = house.publish(&["011"]).await;
    let first = house.code(&booking, "011", 1);
    let enter = async |code: &CodeHash, device, number| {
        let entered = house
            .store
            .enter_by(entering(&booking, code, device, number));
        match entered.await.unwrap() {
            Entered::Token(token) => token.id.to_string(),
            other => format!("{other:?}"),
        }
    };
    let token = TokenId::generate(1, 1).to_string();
    assert_eq!(enter(&first, 1, 1).await, token);
    assert_eq!(enter(&first, 1, 2).await, token, "once more");
    assert_eq!(enter(&first, 2, 3).await, token);
    assert_eq!(enter(&first, 3, 4).await, "Elsewhere");
    let later = EnteredBy {
        until: at(100) + SignedDuration::from_secs(1),
        ..entering(&booking, &first, 1, 5)
    };
    let later = house.store.enter_by(later).await.unwrap();
    let Entered::Token(later) = later else {
        panic!("{later:?}")
    };
    assert_eq!(
        later.id,
        TokenId::generate(1, 5),
        "the conference was moved"
    );

    let reissued = house.reissue(&booking, "011").await.unwrap();
    let revoked: Vec<_> = reissued.revoked.iter().map(|it| it.id.clone()).collect();
    assert_eq!(revoked, [later.id]);
    assert_eq!(enter(&first, 1, 6).await, "Unknown");
    let second = reissued.code.hash();
    assert_eq!(second, house.code(&booking, "011", 2));
    assert_eq!(
        enter(&second, 9, 7).await,
        TokenId::generate(1, 7).to_string()
    );
    assert!(house.reissue(&booking, "012").await.is_none());
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_not_made_up_for_by_opening_the_link_again() {
    let house = House::open().await;
    let booking = house.publish(&["011"]).await;
    let code = house.code(&booking, "011", 1);
    let entered = house
        .store
        .enter_by(entering(&booking, &code, 1, 1))
        .await
        .unwrap();
    let Entered::Token(token) = entered else {
        panic!("{entered:?}")
    };
    house.store.revoke_token(&token.id, at(1)).await.unwrap();
    let entered = house
        .store
        .enter_by(entering(&booking, &code, 2, 2))
        .await
        .unwrap();
    let Entered::Token(again) = entered else {
        panic!("{entered:?}")
    };
    assert_eq!((again.id, again.revoked_at), (token.id, Some(at(1))));
}

/// What somebody gets who comes in by the link of 011 into the first day.
async fn enter_first(house: &House, booking: &Booking, number: u128) -> Entered {
    let days = house.store.occurrences_of(&booking.id).await.unwrap();
    let code = house.code(booking, "011", 1);
    let mut entering = entering(booking, &code, 1, number);
    entering.conference = days[0].conference.clone();
    entering.token.conference = Some(days[0].conference.clone());
    house.store.enter_by(entering).await.unwrap()
}

#[tokio::test]
async fn the_token_of_a_site_that_is_invited_no_more_is_taken_back_and_it_gets_another_when_it_is_again()
 {
    let house = House::open().await;
    let booking = house.publish(&["011", "012"]).await;
    let Entered::Token(token) = enter_first(&house, &booking, 1).await else {
        panic!("it is invited")
    };
    let changed = house.invite(&booking, &["012"]).await;
    let revoked = house.store.revoked_tokens(at(1)).await.unwrap();
    let revoked: Vec<_> = revoked.iter().map(|it| (&it.id, it.why)).collect();
    assert_eq!(revoked, [(&token.id, Withdrawn::NotInvited)]);
    let journal = house.store.journal_after(0, 100).await.unwrap();
    let told = journal.entries.iter();
    let told: Vec<_> = told
        .filter(|entry| entry.kind() == "invitationsWithdrawn")
        .map(|entry| entry.event["sites"].clone())
        .collect();
    assert_eq!(told, [json!(["011"])]);

    // Somebody who has looked before that comes too late.
    let late = enter_first(&house, &booking, 2).await;
    assert_eq!(late, Entered::Changed);
    let again = house.invite(&changed, &["011", "012"]).await;
    let Entered::Token(another) = enter_first(&house, &again, 3).await else {
        panic!("it is invited again")
    };
    assert_eq!(another.id, TokenId::generate(1, 3));
    assert_eq!(another.revoked_at, None);
}

#[tokio::test]
async fn whoever_is_left_out_of_a_draft_was_never_invited() {
    let house = House::open().await;
    let details = json!({
        "title": "Weekly", "startsAtLocal": "2027-02-01T08:00:00", "zone": "UTC",
        "durationMinutes": 60, "audience": {"codes": ["011", "012"]},
    });
    let details = serde_json::from_value(details).unwrap();
    let draft = house.schedule().draft(details).await.unwrap();
    let draft = house.invite(&draft, &["012"]).await;
    house
        .schedule()
        .publish(&draft.id, draft.version)
        .await
        .unwrap();
    let journal = house.store.journal_after(0, 100).await.unwrap();
    let kinds: Vec<_> = journal
        .entries
        .iter()
        .map(|entry| entry.kind().to_owned())
        .collect();
    assert_eq!(kinds, ["bookingPublished"]);
}
