//! Tests of scenario files, those beside the README among them.

use std::sync::Arc;

use super::*;
use crate::token::LocalKey;

fn secrets() -> Secrets {
    let key = LocalKey::parse("k:0123456789abcdef0123456789abcdef").unwrap();
    Secrets {
        tokens: Some(TokenSource::ApiKey(Arc::new(key))),
        ..Secrets::default()
    }
}

const TARGET: &str = "server = \"http://127.0.0.1:7900\"\nconference = \"demo\"\n";

fn scenario(text: &str) -> Result<Scenario, String> {
    let file = File::parse(&format!("{TARGET}{text}"))?;
    file.into_scenario(&secrets())
        .map_err(|error| error.to_string())
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn every_key_finds_its_place() {
    let scenario = scenario(
        r#"
        sites = 200
        ramp = "50 every 2s"
        settle = "3s"
        duration = "1m"
        decrypt = "sample:10"
        seed = 9

        [media]
        audio_frame_ms = 60
        synthetic = { fps = 30, kbps = 1200 }

        [churn]
        percent_per_minute = 5
        away = "10s"

        [[reload]]
        at = "20s"
        sites = 100

        [floor]
        every = "5s"
        first = "2s"

        [[line]]
        name = "weak"
        percent = 10
        down = { loss_percent = 2, burst = 4, delay = "40ms", jitter = "20ms", kbps = 500 }

        [thresholds]
        max_loss = 0.1
        max_floor_switch_p99 = 500
        "#,
    )
    .unwrap();
    assert_eq!((scenario.sites, scenario.seed), (200, 9));
    assert_eq!(scenario.ramp.start_of(149), secs(4));
    assert_eq!(scenario.ramp.start_of(150), secs(6));
    assert_eq!((scenario.settle, scenario.duration), (secs(3), secs(60)));
    assert_eq!(scenario.media.synthetic.unwrap().size, (1_280, 720));
    assert_eq!(scenario.churn.unwrap().per_minute, 0.05);
    assert_eq!(scenario.reloads[0].away, Duration::from_millis(500));
    let floor = scenario.floor.unwrap();
    assert_eq!(
        (floor.first, floor.every, floor.count),
        (secs(2), secs(5), 12)
    );
    let [line] = scenario.lines.as_slice() else {
        panic!("one line")
    };
    assert_eq!((line.share, line.link.down.loss.loss()), (0.1, 0.02));
    assert_eq!(
        line.link.up,
        Impairment {
            loss: Burst::new(0.0, 1.0).unwrap(),
            ..Impairment::default()
        }
    );
    assert_eq!(scenario.thresholds.max_loss, Some(0.001));
    assert!(scenario.operator);
}

#[test]
fn what_is_wrong_is_named_with_what_is_right() {
    for (text, expected) in [
        ("sitse = 5", "unknown field `sitse`"),
        ("sites = \"many\"", "expected u32"),
        ("duration = \"soon\"", "500ms, 30s or 5m"),
        ("ramp = \"fast\"", "20/s, all, or waves"),
        ("decrypt = \"some\"", "all or sample:N"),
        ("transport = \"pigeon\"", "udp, tcp or turn"),
        ("[media]\nlayers = [\"x\"]", "a layer is l, m or h"),
        ("[media]\naudio_frame_ms = 30", "must be 20 or 60"),
        ("[media]\nsynthetic = { fps = 0, kbps = 100 }", "1 to 120"),
        ("[floor]\nevery = \"1ms\"", "at least 100ms"),
        ("[floor]\nevery = \"10s\"\nhand_overs = 9", "before the end"),
        (
            "[floor]\nevery = \"1s\"\nspeaker = 1",
            "unknown field `speaker`",
        ),
        (
            "operator = false\n[floor]\nevery = \"5s\"",
            "needs an operator",
        ),
        (
            "[[reload]]\nat = \"1s\"\nsites = 11",
            "reload 1: sites must be 1 to 10",
        ),
        (
            "[[reload]]\nat = \"40s\"\nsites = 1",
            "less than the duration",
        ),
        ("[[reload]]\nat = \"40s\"", "missing field `sites`"),
        (
            "[churn]\npercent_per_minute = -1\naway = \"1s\"",
            "churn.percent_per_minute",
        ),
        (
            "[[line]]\nname = \"a\"\npercent = 101",
            "line a: percent must be 0 to 100",
        ),
        (
            "[[line]]\nname = \"a\"\npercent = 1\ndown = { loss_percent = 90, burst = 3 }",
            "line a: down.burst must be at least 1, and with it the loss at most 75 percent",
        ),
        (
            "transport = \"tcp\"\n[[line]]\nname = \"a\"\npercent = 1",
            "needs transport = \"udp\"",
        ),
        (
            "[[line]]\nname = \"a\"\npercent = 60\n[[line]]\nname = \"b\"\npercent = 60",
            "more than 100 percent",
        ),
        ("[thresholds]\nmax_loss = 101", "percent are 0 to 100"),
        ("[thresholds]\nmax_los = 1", "unknown field `max_los`"),
        ("whep = \"http://x\"", "give one"),
    ] {
        let error = scenario(text).unwrap_err();
        assert!(error.contains(expected), "{text:?} says {error}");
    }
}

#[test]
fn a_mistake_in_a_file_is_shown_with_its_file_and_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sites = 5\nsitse = 6\n").unwrap();
    let error = File::read(file.path()).unwrap_err().to_string();
    assert!(
        error.contains(&file.path().display().to_string()),
        "{error}"
    );
    assert!(
        error.contains("line 2") && error.contains("`sitse`"),
        "{error}"
    );
}

#[test]
fn without_a_number_the_whole_roster_comes() {
    let roster = "code,name,level,parent_code\nVN,Trung ương,central,\n01,Hà Nội,province,VN\n";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("sites.csv"), roster).unwrap();
    let path = directory.path().join("small.toml");
    std::fs::write(&path, format!("{TARGET}roster = \"sites.csv\"\n")).unwrap();
    let scenario = File::read(&path)
        .unwrap()
        .into_scenario(&secrets())
        .unwrap();
    assert_eq!(
        (scenario.sites, scenario.name.as_deref()),
        (1, Some("small"))
    );
    let Target::Conference { roster, .. } = scenario.target else {
        panic!("a conference")
    };
    assert_eq!(roster, ["01"]);
}

#[test]
fn a_hostile_participant_does_everything_in_the_second_half_unless_told_otherwise() {
    let hostile = |text: &str| scenario(text).map(|scenario| scenario.hostile.unwrap());
    let all = hostile("duration = \"40s\"\n[hostile]").unwrap();
    assert_eq!(all.kinds, HostileKind::ALL);
    assert_eq!(all.after, secs(20));
    let some = hostile("[hostile]\nkinds = [\"nacks\", \"rejoining\"]\nafter = \"5s\"").unwrap();
    assert_eq!(some.kinds, [HostileKind::Nacks, HostileKind::Rejoining]);
    assert_eq!(some.after, secs(5));
    let late = hostile("duration = \"10s\"\n[hostile]\nafter = \"10s\"").unwrap_err();
    assert!(late.contains("less than the duration, 10 s"), "{late}");
    assert!(
        hostile("[hostile]\nkinds = []")
            .unwrap_err()
            .contains("some of nacks, plis")
    );
}

#[test]
fn the_scenarios_of_the_repository_are_right() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut file = File::read(&path).unwrap();
        file.server = Some("http://127.0.0.1:7900".to_owned());
        file.conference = Some("demo".to_owned());
        file.restart_with = Some("restart".into());
        let scenario = file.into_scenario(&secrets());
        assert!(scenario.is_ok(), "{}: {scenario:?}", path.display());
        found += 1;
    }
    assert!(found >= 5, "{found}");
}

#[test]
fn restarts_need_a_program_and_nothing_that_takes_sites_away_beside_them() {
    let text =
        "server = \"http://x\"\nconference = \"c\"\n[[restart]]\nat = \"5s\"\nhow = \"kill\"\n";
    let reload = "[[reload]]\nat = \"9s\"\nsites = 1\n";
    let scenario = |text: &str, program: Option<&str>| {
        let mut file = File::parse(text).unwrap();
        file.restart_with = program.map(Into::into);
        file.into_scenario(&secrets())
    };
    let error = scenario(text, None).unwrap_err().to_string();
    assert!(error.contains("--restart-with"), "{error}");
    let both = format!("{text}{reload}");
    let error = scenario(&both, Some("restart")).unwrap_err().to_string();
    assert!(error.contains("one of them"), "{error}");
    let good = scenario(text, Some("restart")).unwrap();
    assert_eq!(good.restarts[0].how, "kill");
    assert_eq!(good.happenings(), ["at 5 s the server: kill"]);
    let named = File::parse(&format!("restart_with = \"rm\"\n{text}"));
    assert!(named.is_err(), "a file runs nothing");
}
