//! Whatever is asked in whatever order, the conference stays in one piece.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::conference::{Counts, Place};
use crate::protocol::server::MediaState;

/// Most participants whom random commands know by number.
const PEOPLE: usize = 12;

/// One step of a random story. Numbers name participants in the order in which they came, also
/// those who have left.
#[derive(Clone, Debug)]
enum Step {
    Join(Role, Option<usize>),
    TakeOver(usize),
    Resume(usize, bool),
    Pass(i64),
    Restart,
    SetClock(i64),
    SetRoster(BTreeSet<usize>),
    System(Verb, usize),
    By(usize, Verb, usize),
    /// What a participant does itself.
    Own(usize, Verb),
    /// By a program with an operator's token.
    Program(Verb, usize),
}

/// A command about a participant.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Start,
    End,
    Amend(bool),
    Delete,
    Lost,
    Leave,
    Remove,
    Readmit,
    Expel,
    Publish(Source, bool),
    Unpublish,
    Mute(bool),
    Request,
    Withdraw,
    Yield,
    Grant,
    Revoke,
    Stage(Place, bool),
    Tick,
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![
        1 => Just(Role::Operator),
        1 => Just(Role::Chair),
        1 => Just(Role::Hall),
        8 => Just(Role::Site),
        1 => Just(Role::Observer),
        1 => Just(Role::Admin),
    ]
}

fn verbs() -> impl Strategy<Value = Verb> {
    prop_oneof![
        1 => Just(Verb::Start),
        1 => any::<bool>().prop_map(Verb::Amend),
        1 => Just(Verb::Delete),
        5 => Just(Verb::Lost),
        3 => Just(Verb::Leave),
        1 => Just(Verb::Remove),
        1 => Just(Verb::Readmit),
        1 => Just(Verb::Expel),
        6 => (prop::sample::select(Source::ALL.as_slice()), any::<bool>())
            .prop_map(|(source, active)| Verb::Publish(source, active)),
        1 => Just(Verb::Unpublish),
        3 => any::<bool>().prop_map(Verb::Mute),
        10 => Just(Verb::Request),
        4 => Just(Verb::Withdraw),
        2 => Just(Verb::Yield),
        6 => Just(Verb::Grant),
        2 => Just(Verb::Revoke),
        4 => (prop::sample::select(Place::ALL.as_slice()), any::<bool>())
            .prop_map(|(place, set)| Verb::Stage(place, set)),
        1 => Just(Verb::Tick),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE;
    let sites = prop::option::of(0..country().len());
    prop_oneof![
        10 => (roles(), sites).prop_map(|(role, site)| Step::Join(role, site)),
        2 => who.clone().prop_map(Step::TakeOver),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, right)| Step::Resume(who, right)),
        4 => (-5i64..40).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => prop_oneof![-4_000_000i64..4_000_000, -10i64..10].prop_map(Step::SetClock),
        1 => prop::collection::btree_set(0..country().len(), 0..5).prop_map(Step::SetRoster),
        8 => (verbs(), who.clone()).prop_map(|(verb, who)| Step::System(verb, who)),
        4 => (verbs(), who.clone()).prop_map(|(verb, who)| Step::Program(verb, who)),
        20 => (who.clone(), verbs()).prop_map(|(who, verb)| Step::Own(who, verb)),
        20 => (who.clone(), verbs(), who).prop_map(|(by, verb, who)| Step::By(by, verb, who)),
    ]
}

/// The meeting and everybody who ever came, with its session and the number of its secret.
struct Story {
    meeting: Meeting,
    people: Vec<(ParticipantId, SessionId, u64)>,
    /// What the last step had to be told outside.
    effects: Vec<Effect>,
}

impl Story {
    fn new() -> Self {
        Self {
            meeting: Meeting::running(),
            people: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Numbers go round among those who ever came.
    fn person(&self, number: usize) -> ParticipantId {
        let someone = number
            .checked_rem(self.people.len())
            .map(|index| self.people[index].0);
        someone.unwrap_or(ParticipantId::new(9, 9))
    }

    fn command(&self, verb: Verb, who: usize) -> Command {
        let participant = self.person(who);
        match verb {
            Verb::Start => Command::Phase(PhaseCommand::Start),
            Verb::End => Command::Phase(PhaseCommand::End),
            Verb::Amend(again) => Command::Phase(PhaseCommand::Amend {
                title: again.then(|| format!("Title {who}")),
                starts_at: (!again).then_some(None),
            }),
            Verb::Delete => Command::Phase(PhaseCommand::Delete),
            Verb::Lost => Command::People(PeopleCommand::Lost { participant }),
            Verb::Leave => Command::People(PeopleCommand::Leave),
            Verb::Remove => Command::People(PeopleCommand::Remove { participant }),
            Verb::Readmit => Command::People(PeopleCommand::Readmit { participant }),
            Verb::Expel => Command::People(PeopleCommand::Expel {
                participant,
                why: crate::auth::Withdrawn::TakenBack,
            }),
            Verb::Publish(source, active) => {
                Command::Sources(SourcesCommand::Publish { source, active })
            }
            Verb::Unpublish => Command::Sources(SourcesCommand::Unpublish { participant }),
            Verb::Mute(muted) => Command::Sources(SourcesCommand::Mute { participant, muted }),
            Verb::Request => Command::Floor(FloorCommand::Request),
            Verb::Withdraw => Command::Floor(FloorCommand::Withdraw),
            Verb::Yield => Command::Floor(FloorCommand::Yield),
            Verb::Grant => Command::Floor(FloorCommand::Grant { participant }),
            Verb::Revoke => Command::Floor(FloorCommand::Revoke { participant }),
            Verb::Stage(place, set) => Command::Stage(StageCommand::Set {
                place,
                participant: set.then_some(participant),
            }),
            Verb::Tick => Command::Clock(ClockCommand::Tick),
        }
    }

    /// Takes a step; a refusal is as good as success, as long as nothing breaks.
    fn take(&mut self, step: &Step) {
        self.effects.clear();
        match step {
            Step::Join(role, site) => self.join(*role, *site),
            Step::TakeOver(who) => self.take_over(*who),
            Step::Resume(who, right) => {
                let Some((_, session, secret)) = self.people.get(*who).copied() else {
                    return;
                };
                let secret = if *right { hash(secret) } else { hash(u64::MAX) };
                let resumed = self
                    .meeting
                    .system(PeopleCommand::Resume { session, secret });
                assert!(*right || resumed.is_err());
                self.told(resumed);
            }
            Step::Pass(seconds) => {
                self.meeting.pass(*seconds);
                let told = self.meeting.system(ClockCommand::Tick);
                self.told(told);
            }
            Step::Restart => {
                let up_until = None;
                let told = self.meeting.system(PeopleCommand::Interrupt { up_until });
                self.told(told);
            }
            Step::SetClock(seconds) => {
                let told = self.meeting.set_clock(*seconds);
                self.told(told);
            }
            Step::SetRoster(chosen) => {
                let sites = country();
                let chosen = chosen
                    .iter()
                    .map(|index| sites[*index].code.clone())
                    .collect();
                let roster = Roster::chosen(&sites, &chosen).unwrap();
                let told = self.meeting.system(RosterCommand::Set { roster });
                self.told(told);
            }
            Step::System(verb, who) => {
                let system = Actor::SYSTEM.on_behalf_of(self.person(*who));
                let told = self.meeting.run(&system, self.command(*verb, *who));
                self.told(told);
            }
            Step::Own(who, verb) => {
                let told = self
                    .meeting
                    .by(self.person(*who), self.command(*verb, *who));
                self.told(told);
            }
            Step::Program(verb, who) => {
                let program = Actor::bearer(self.meeting.grant(Role::Operator, None))
                    .on_behalf_of(self.person(*who));
                let told = self.meeting.run(&program, self.command(*verb, *who));
                self.told(told);
            }
            Step::By(by, verb, who) => {
                let somebody = Actor::participant(self.person(*by)).on_behalf_of(self.person(*who));
                let told = self.meeting.run(&somebody, self.command(*verb, *who));
                self.told(told);
            }
        }
    }

    fn join(&mut self, role: Role, site: Option<usize>) {
        let sites = country();
        let grant = self
            .meeting
            .grant(role, site.map(|index| sites[index].code.as_str()));
        self.come_in(grant, None);
    }

    /// With the link of somebody who is said to be silent, whether or not it is there.
    fn take_over(&mut self, who: usize) {
        let silent = self.person(who);
        let person = self.meeting.state.participant(silent);
        let Some((role, site)) = person.map(|person| (person.role, person.site.clone())) else {
            return;
        };
        let grant = self
            .meeting
            .grant(role, site.as_ref().map(SiteCode::as_str));
        self.come_in(grant, Some(silent));
    }

    fn come_in(&mut self, grant: Grant, over: Option<ParticipantId>) {
        let join = Join {
            over,
            ..self.meeting.joining(grant)
        };
        let (session, secret) = (join.session, self.meeting.next_id);
        let told = self.meeting.system(PeopleCommand::Join(Box::new(join)));
        if let Some(id) = self.meeting.state.participant_of(session) {
            self.people.push((id, session, secret));
        }
        self.told(told);
    }

    fn told(&mut self, effects: Result<Vec<Effect>, Refusal>) {
        self.effects = effects.unwrap_or_default();
    }
}

/// Counts anew what the state counts as it goes.
fn recount(state: &State) -> (Counts, BTreeMap<SiteCode, Counts>) {
    let mut total = Counts::default();
    let mut provinces: BTreeMap<SiteCode, Counts> = BTreeMap::new();
    for (site, entry) in state.roster().sites() {
        let here: Vec<_> = state
            .participants()
            .filter(|(_, p)| p.site.as_ref() == Some(site))
            .collect();
        let present = u32::from(here.iter().any(|(_, p)| p.is_present()));
        let lost = u32::from(present == 0 && !here.is_empty());
        let add = |counts: &mut Counts| {
            counts.expected += 1;
            counts.present += present;
            counts.lost += lost;
        };
        add(&mut total);
        if let Some(province) = &entry.province {
            add(provinces.entry(province.clone()).or_default());
        }
    }
    (total, provinces)
}

fn check_counts(state: &State) {
    let (total, provinces) = recount(state);
    assert_eq!(state.counts(), total);
    let told: BTreeMap<_, _> = state
        .snapshot()
        .provinces
        .into_iter()
        .map(|entry| (entry.code, entry.counts))
        .collect();
    assert_eq!(told, provinces);
}

fn check_floor(state: &State) {
    let queue: Vec<_> = state.floor_queue().collect();
    assert_eq!(
        queue.iter().collect::<BTreeSet<_>>().len(),
        queue.len(),
        "somebody waits twice"
    );
    assert!(
        state
            .floor_holder()
            .is_none_or(|holder| !queue.contains(&holder))
    );
    for id in queue.iter().copied().chain(state.floor_holder()) {
        let person = state
            .participant(id)
            .expect("whoever waits or speaks is in the conference");
        assert!(
            person.role.may(crate::auth::Verb::Publish),
            "{}",
            person.role
        );
    }
    let told: Vec<_> = state.positions().collect();
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), queue);
    for (index, (id, position)) in told.into_iter().enumerate() {
        assert_eq!(u32::try_from(index + 1), Ok(position));
        assert_eq!(state.self_message(id), state.waiting_message(id, position));
    }
}

fn check_stage(state: &State) {
    let scene = state.scene();
    assert!(scene.main.is_none() || scene.main != scene.second);
    for id in Place::ALL.into_iter().filter_map(|place| scene.at(place)) {
        let person = state
            .participant(id)
            .expect("whoever is shown is in the conference");
        assert!(person.role.may(crate::auth::Verb::Publish));
    }
    if let Some(id) = scene.screen {
        let person = state.participant(id).unwrap();
        assert!(person.is_active(Source::Screen) && !person.muting.is_cut());
    }
    let mut heard = BTreeSet::new();
    for id in &scene.speakers {
        assert!(
            !state
                .participant(*id)
                .expect("speakers are in the conference")
                .muting
                .is_muted()
        );
        assert!(heard.insert(id), "{id} is heard twice");
    }
}

/// Nobody stays lost beyond the window, and the deadline is the first to be reached.
fn check_lost(state: &State) {
    let first = state
        .participants()
        .filter_map(|(id, person)| Some(person.lost_since?.after(state.window_of(id))))
        .min();
    assert_eq!(state.next_deadline(), first);
    for (id, person) in state.participants() {
        assert_eq!(state.participant_of(person.session), Some(id));
    }
}

/// The blocked, as known to somebody who only follows the effects.
#[derive(Default)]
struct Follower {
    blocked: BTreeSet<ParticipantId>,
}

impl Follower {
    fn follow(&mut self, effect: &Effect) {
        let Effect::Media(intent) = effect else {
            return;
        };
        match intent {
            MediaIntent::Block {
                participant,
                blocked: true,
            } => {
                self.blocked.insert(*participant);
            }
            MediaIntent::Block {
                participant,
                blocked: false,
            }
            | MediaIntent::Drop(participant) => {
                self.blocked.remove(participant);
            }
            MediaIntent::End => *self = Self::default(),
        }
    }

    fn check(&self, state: &State) {
        let silenced = state
            .participants()
            .map(|(id, _)| id)
            .filter(|id| state.is_silenced(*id));
        assert_eq!(self.blocked, silenced.collect());
    }
}

/// Every value that differs is named by an effect, for everybody whom it concerns.
fn check_told(before: &State, after: &State, effects: &[Effect]) {
    let told = |effect: &Effect| effects.contains(effect);
    let values = [
        (
            before.conference_message(),
            after.conference_message(),
            Effect::ConferenceChanged,
        ),
        (
            before.presence_message(),
            after.presence_message(),
            Effect::PresenceChanged,
        ),
        (
            before.provinces_message(),
            after.provinces_message(),
            Effect::PresenceChanged,
        ),
        (
            before.short_floor_message(),
            after.short_floor_message(),
            Effect::FloorChanged,
        ),
        (
            before.roster_message(),
            after.roster_message(),
            Effect::RosterChanged,
        ),
        (
            before.stage_message(),
            after.stage_message(),
            Effect::StageChanged,
        ),
        (
            before.barred_message(),
            after.barred_message(),
            Effect::BarredChanged,
        ),
    ];
    for (before, after, effect) in values {
        assert_eq!(
            before != after,
            told(&effect),
            "{before:?} {after:?} {effects:?}"
        );
    }
    if told(&Effect::CloseAll) {
        return;
    }
    for (id, _) in before.participants() {
        check_told_of(id, before, after, effects);
    }
}

fn check_told_of(id: ParticipantId, before: &State, after: &State, effects: &[Effect]) {
    let entry = |state: &State| state.participant_entry(id, MediaState::None);
    if after.participant(id).is_none() {
        let left = effects.iter().any(|effect| match effect {
            Effect::ParticipantLeft(departed) => departed.participant == id,
            _ => false,
        });
        assert!(left, "nobody hears that {id} has left: {effects:?}");
        return;
    }
    if entry(before) != entry(after) {
        assert!(
            effects.contains(&Effect::ParticipantChanged(id)),
            "{id}: {effects:?}"
        );
    }
    let own = |state: &State| match state.self_message(id) {
        Some(ServerMessage::Own(own)) => Own { version: 0, ..own },
        other => panic!("{id} is told {other:?}"),
    };
    if own(before) != own(after) {
        let waits = own(after).floor == Standing::Waiting;
        let told = effects.contains(&Effect::SelfChanged(Audience::One(id)))
            || (waits && effects.contains(&Effect::SelfChanged(Audience::Waiting)));
        assert!(told, "{id} is not told of itself: {effects:?}");
    }
}

/// Whoever is present according to the register is so according to the state, and the other way
/// round; nobody was here for longer than the conference has lasted.
fn check_attendance(meeting: &Meeting) {
    let mut register = Register::default();
    meeting.log.iter().for_each(|record| register.take(record));
    let attendance = register.read(meeting.now);
    let here: BTreeSet<_> = attendance
        .participants
        .iter()
        .filter(|person| person.stays.last().is_some_and(|stay| stay.until.is_none()))
        .map(|person| person.participant)
        .collect();
    let present = meeting
        .state
        .participants()
        .filter(|(_, person)| person.is_present())
        .map(|(id, _)| id)
        .collect();
    assert_eq!(here, present);
    for site in &attendance.sites {
        let longest = attendance
            .participants
            .iter()
            .filter(|person| person.site.as_ref() == Some(&site.site))
            .map(|person| person.seconds)
            .max();
        assert!(site.seconds >= longest.unwrap_or(0), "{site:?}");
    }
}

/// No place has more devices than it may have, they are numbered from 1, none that stands by is
/// seen or heard, and nobody is here who was sent away.
fn check_seats(state: &State) {
    let most = u32::try_from(state.settings().devices_per_site).unwrap();
    let mut places: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
    for (id, person) in state.participants() {
        let own = state.self_message(id);
        let Some(ServerMessage::Own(own)) = own else {
            panic!("{id} is told {own:?}")
        };
        assert!(own.device <= most, "{id} is device {}", own.device);
        let place = (person.role, person.site.clone(), person.subject.clone());
        let is_new = places.entry(place).or_default().insert(own.device);
        assert!(is_new, "two are device {}", own.device);
        assert_eq!(own.stands_by, own.device > 1 && person.role == Role::Site);
        if own.stands_by {
            assert!(own.floor == Standing::None && !own.on_stage, "{own:?}");
            assert!(!state.scene().speakers.contains(&id));
        }
        let is_barred = state
            .barred()
            .any(|barred| barred.role == person.role && barred.site == person.site);
        assert!(!is_barred, "{id} was sent away");
    }
    for devices in places.values() {
        assert_eq!(devices.last().copied(), u32::try_from(devices.len()).ok());
    }
}

fn check(story: &Story) {
    let state = &story.meeting.state;
    check_seats(state);
    check_attendance(&story.meeting);
    check_counts(state);
    check_floor(state);
    check_stage(state);
    check_lost(state);
}

proptest! {
    #[test]
    fn any_story_keeps_the_conference_whole(
        steps in prop::collection::vec(steps(), 1..80),
        ends in any::<bool>(),
    ) {
        let mut story = Story::new();
        let mut follower = Follower::default();
        for step in &steps {
            let before = story.meeting.state.clone();
            story.take(step);
            check(&story);
            check_told(&before, &story.meeting.state, &story.effects);
            story.effects.iter().for_each(|effect| follower.follow(effect));
            follower.check(&story.meeting.state);
        }
        if ends {
            story.take(&Step::System(Verb::End, 0));
            check(&story);
            prop_assert_eq!(story.meeting.state.participant_count(), 0);
        }
    }

    #[test]
    fn the_log_alone_brings_back_the_same_conference(
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let mut story = Story::new();
        for step in &steps {
            story.take(step);
        }
        let meeting = &story.meeting;
        let json = serde_json::to_string(&meeting.log).unwrap();
        let log: Vec<Record> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&log, &meeting.log);
        let settings = *meeting.state.settings();
        let replayed = State::replay(meeting.state.id().clone(), settings, &log);
        prop_assert_eq!(&replayed, &meeting.state);
        for (seq, record) in (1..).zip(&log) {
            prop_assert_eq!(record.seq, seq);
        }
        for pair in log.windows(2) {
            let was_set = matches!(pair[1].event, Event::Clock(ClockEvent::ClockSet { .. }));
            prop_assert!(was_set || pair[0].at <= pair[1].at);
        }
    }

    #[test]
    fn deciding_changes_nothing_and_is_always_the_same(
        steps in prop::collection::vec(steps(), 1..40), verb in verbs(), who in 0..PEOPLE,
    ) {
        let mut story = Story::new();
        for step in &steps {
            story.take(step);
        }
        let meeting = &story.meeting;
        let command = story.command(verb, who);
        let decided = || decide(&meeting.state, meeting.now, &Actor::SYSTEM, command.clone());
        prop_assert_eq!(decided(), decided());
    }
}

#[test]
fn a_country_joins_is_lost_and_comes_back_in_no_time() {
    let mut sites = vec![site("VN", Level::Central, None)];
    for province in 0..34 {
        let parent = format!("{province:02}");
        sites.push(site(&parent, Level::Province, Some("VN")));
        for commune in 0..98 {
            sites.push(site(
                &format!("{parent}{commune:03}"),
                Level::Commune,
                Some(&parent),
            ));
        }
    }
    let mut meeting = Meeting::running();
    meeting
        .system(RosterCommand::Set {
            roster: Roster::all(&sites),
        })
        .unwrap();
    let began = std::time::Instant::now();
    for site in &sites {
        meeting.join(Role::Site, Some(site.code.as_str()));
    }
    meeting
        .system(PeopleCommand::Interrupt { up_until: None })
        .unwrap();
    let everybody: Vec<_> = meeting.state.participants().map(|(id, _)| id).collect();
    for lost in everybody {
        meeting.take_over(lost);
    }
    assert_eq!(meeting.state.counts().present, 3367);
    assert_eq!(meeting.state.participant_count(), sites.len());
    // Two orders of magnitude above what it takes: only a step that looks at everybody fails it.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
