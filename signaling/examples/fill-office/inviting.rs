//! Invitations: most sites are written to, most of these mails were taken, and their sites answer.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use signaling::auth::CodeKey;
use signaling::booking::Booking;
use signaling::ids::{BookingId, SiteCode};
use signaling::invitations::{Reply, ReplyKind, Whom};
use signaling::mail::Content;
use signaling::store::{
    AT_ONCE, MailFinished, MailState, NewMail, QueuedMail, Sending, Store, StoreError,
};
use signaling::{fresh, store};

use crate::{Done, each, name};

/// Of so many sites one is not written to.
const LEFT_OUT: usize = 10;

/// Of so many mails one still waits, and one was refused.
const WAITS: usize = 12;
const REFUSED: usize = 20;

/// How many send at the same time, to share what a transaction costs.
const LANES: u8 = 200;

/// How it stands a day before with those whom a booking invites.
pub(crate) async fn invite(
    store: &Store,
    codes: &CodeKey,
    booking: &BookingId,
    now: Timestamp,
) -> Done {
    store.enrol(booking, codes).await?;
    let booking = store.booking(booking).await?.ok_or("no such booking")?;
    let sites = store.audience_codes(&booking.audience).await?;
    let mails = write_to(store, &booking, &sites, now).await?;
    send(store, mails - mails / WAITS, now).await?;
    answer(store, codes, &booking, sites, now).await
}

/// Says how many mails wait.
async fn write_to(
    store: &Store,
    booking: &Booking,
    sites: &[SiteCode],
    now: Timestamp,
) -> Result<usize, Box<dyn std::error::Error>> {
    let newest = store.newest_notice(&booking.id, now).await?;
    let store::Newest { notice, ends_at } = newest.ok_or("it is over")?;
    let mut queued = 0;
    let all = sites.iter().enumerate();
    let chosen: Vec<_> = all
        .filter(|(number, _)| number % LEFT_OUT != 0)
        .map(|(_, site)| site.clone())
        .collect();
    for part in chosen.chunks(AT_ONCE) {
        let sending = Sending {
            booking: booking.id.clone(),
            audience: booking.audience.clone(),
            notice,
            only_told: false,
            whom: Whom::Sites(part.iter().cloned().collect::<BTreeSet<_>>()),
            after: None,
            by: "bench".to_owned(),
            now,
        };
        let id = booking.id.clone();
        let sent = store.send_invitations(sending, move |to| {
            let content = Content::Invitation {
                booking: id.clone(),
                site: to.site.clone(),
                notice,
            };
            Some(NewMail {
                id: fresh::mail(),
                about: format!("invitation:{id}:{}:{notice}:{}", to.site, to.sends),
                recipient: to.address.clone(),
                content: content.to_json(),
                useless_at: ends_at,
            })
        });
        queued += usize::try_from(sent.await?.queued)?;
    }
    Ok(queued)
}

/// What becomes of the first so many mails.
async fn send(store: &Store, mails: usize, now: Timestamp) -> Done {
    let lanes = usize::from(LANES);
    let share = |lane: u8| mails / lanes + usize::from(usize::from(lane) <= mails % lanes);
    each(1..=LANES, |lane| {
        let (store, count) = (store.clone(), share(lane));
        async move {
            let mut finished = None;
            for number in 0..count {
                let mail = store.next_mail(lane, finished, true, now).await?;
                finished = mail
                    .as_ref()
                    .map(|mail| fate(mail, number * lanes + usize::from(lane), now));
            }
            store.next_mail(lane, finished, false, now).await.map(drop)
        }
    })
    .await
}

fn fate(mail: &QueuedMail, number: usize, now: Timestamp) -> MailFinished {
    let is_refused = number.is_multiple_of(REFUSED);
    MailFinished {
        id: mail.id,
        state: match is_refused {
            true => MailState::Refused,
            false => MailState::Sent,
        },
        due_at: now,
        is_attempt: true,
        said: is_refused
            .then(|| "recipient: permanent error (550): 5.1.1 no such address".to_owned()),
    }
}

/// Half of the sites open their page, and most of these reply.
async fn answer(
    store: &Store,
    codes: &CodeKey,
    booking: &Booking,
    sites: Vec<SiteCode>,
    now: Timestamp,
) -> Done {
    let later = now + SignedDuration::from_secs(1);
    let those = sites.into_iter().enumerate();
    each(
        those.filter(|(number, _)| number % 10 >= 5),
        |(number, site)| {
            let (store, code) = (store.clone(), codes.code(&booking.id, &site, 1).hash());
            async move {
                store.note_opened(&code, later).await?;
                match reply(number, later) {
                    Some(reply) => store.keep_reply(&code, reply).await.map(drop),
                    None => Ok::<_, StoreError>(()),
                }
            }
        },
    )
    .await
}

fn reply(number: usize, at: Timestamp) -> Option<Reply> {
    let plain = Reply {
        is: ReplyKind::Coming,
        reason: None,
        who: None,
        count: None,
        at,
    };
    Some(match number % 10 {
        5 => return None,
        6 => Reply {
            is: ReplyKind::Excused,
            reason: Some("Đoàn công tác của tỉnh làm việc tại xã cùng giờ.".to_owned()),
            ..plain
        },
        7 => Reply {
            is: ReplyKind::Sends,
            who: Some(name(number)),
            count: Some(2),
            ..plain
        },
        _ => Reply {
            count: Some(12),
            ..plain
        },
    })
}
