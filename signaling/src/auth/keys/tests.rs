//! Tokens that are good, and every way in which one can be bad.

use serde_json::{Value, json};

use super::*;
use crate::auth::revoked::RevokedToken;
use crate::protocol::endings::ComeBack;

const SECRET: &str = "a secret of at least thirty-two bytes";

fn now() -> Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn own() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn portal() -> ApiKey {
    ApiKey {
        id: "portal".parse().unwrap(),
        secret: SECRET.to_owned(),
        limits: KeyLimits::default(),
    }
}

fn keys() -> Keys {
    Keys::new(&own(), &[portal()]).unwrap()
}

fn conference(id: &str) -> ConferenceId {
    id.parse().unwrap()
}

fn site_token() -> NewToken {
    NewToken {
        subject: Some("clerk of 00004".to_owned()),
        conference: Some(conference("weekly")),
        site: Some("00004".parse().unwrap()),
        role: Role::Site,
        name: None,
        valid_for: SignedDuration::from_hours(1),
        narrowing: Narrowing::default(),
    }
}

fn admin_token() -> NewToken {
    NewToken {
        conference: None,
        site: None,
        role: Role::Admin,
        ..site_token()
    }
}

fn taken_back(id: TokenId) -> RevokedToken {
    RevokedToken {
        id,
        expires_at: later(3600),
        why: Withdrawn::TakenBack,
    }
}

fn issue(keys: &Keys, new: NewToken) -> String {
    keys.issue(new, TokenId::generate(1, 2), now())
        .unwrap()
        .token
}

/// Claims of a good token, to be spoiled.
fn claims() -> Value {
    json!({
        "iss": "portal", "sub": "clerk", "aud": "dinh", "jti": "j1", "iat": now().as_second(),
        "nbf": now().as_second(), "exp": later(3600).as_second(), "conf": "weekly",
        "site": "00004", "role": "site",
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

/// A token whose header and claims are made by hand, signed with HMAC-SHA-256.
fn forge(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Claims as the portal would sign them.
fn sign(claims: &Value) -> String {
    forge(
        &json!({"alg": "HS256", "typ": "JWT", "kid": "portal"}),
        claims,
        SECRET.as_bytes(),
    )
}

fn refusal(token: &str) -> TokenError {
    keys().verify(token, now()).unwrap_err()
}

#[test]
fn a_token_of_our_own_key_grants_what_it_was_made_for() {
    let keys = keys();
    let grant = keys
        .verify(&issue(&keys, site_token()), later(3599))
        .unwrap();
    assert_eq!(grant.subject(), "clerk of 00004");
    assert_eq!(grant.conference(), Some(&conference("weekly")));
    assert_eq!(grant.site().map(SiteCode::as_str), Some("00004"));
    assert_eq!(grant.role(), Role::Site);
    assert_eq!(grant.expires_at(), later(3600));
}

#[test]
fn a_token_of_an_api_key_is_as_good() {
    let grant = keys().verify(&sign(&claims()), now()).unwrap();
    assert_eq!(grant.role(), Role::Site);
    assert_eq!(grant.token().as_str(), "j1");
}

#[test]
fn an_api_key_makes_administrators_without_a_conference() {
    let keys = keys();
    let id = TokenId::generate(1, 2);
    let issued = keys
        .issue_with(&portal().id, admin_token(), id, now())
        .unwrap();
    let grant = keys.verify(&issued.token, now()).unwrap();
    assert_eq!(grant.role(), Role::Admin);
    assert!(grant.is_for(&conference("any")));
}

#[test]
fn a_token_is_for_its_own_conference_only() {
    let grant = keys().verify(&sign(&claims()), now()).unwrap();
    assert!(grant.is_for(&conference("weekly")));
    assert!(!grant.is_for(&conference("another")));
}

#[test]
fn tokens_of_a_former_start_are_good_as_long_as_the_key_is_the_same() {
    let token = issue(&keys(), site_token());
    assert!(keys().verify(&token, now()).is_ok());
    let other = Keys::new(&SigningKey::from_seed(&[2; 32]), &[]).unwrap();
    assert_eq!(other.verify(&token, now()), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_ends_with_its_expiry_and_the_clocks_leeway() {
    let keys = keys();
    let token = issue(&keys, site_token());
    let end = 3600 + CLOCK_LEEWAY.as_secs();
    assert!(keys.verify(&token, later(end - 1)).is_ok());
    assert_eq!(keys.verify(&token, later(end)), Err(TokenError::Expired));
    assert_eq!(TokenError::Expired.code(), ErrorCode::TokenExpired);
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_clocks_leeway() {
    for claim in ["nbf", "iat"] {
        let soon = later(CLOCK_LEEWAY.as_secs()).as_second();
        assert!(
            keys()
                .verify(&sign(&with(claim, json!(soon))), now())
                .is_ok()
        );
        assert_eq!(
            refusal(&sign(&with(claim, json!(soon + 1)))),
            TokenError::NotYetValid
        );
    }
}

#[test]
fn a_token_made_before_the_clock_was_set_back_is_good_and_one_of_the_future_can_be_tried_again() {
    let keys = keys();
    let token = issue(&keys, site_token());
    let set_back = Moment {
        now: later(-3600),
        latest: now(),
    };
    assert!(keys.verify(&token, set_back).is_ok());
    let refused = keys.verify(&token, later(-3600)).unwrap_err();
    assert_eq!(refused, TokenError::NotYetValid);
    assert_eq!(refused.code(), ErrorCode::TokenNotYetValid);
    let come_back = refused.code().closes_with().come_back();
    assert!(matches!(come_back, ComeBack::After(_)), "{come_back:?}");
}

#[test]
fn a_revoked_token_is_refused_and_others_are_not() {
    let keys = keys();
    let token = sign(&claims());
    let other = sign(&with("jti", json!("j2")));
    keys.revoked().extend([taken_back("j1".parse().unwrap())]);
    assert_eq!(keys.verify(&token, now()), Err(TokenError::Revoked));
    assert!(keys.verify(&other, now()).is_ok());
    assert_eq!(TokenError::Revoked.code(), ErrorCode::TokenRevoked);
}

#[test]
fn a_revocation_is_forgotten_only_when_age_refuses_the_token_anyhow() {
    let keys = keys();
    let id: TokenId = "j1".parse().unwrap();
    let revoked = keys.revoked();
    assert!(revoked.extend([taken_back(id.clone())]), "it is news");
    assert!(!revoked.extend([taken_back(id.clone())]), "it is none");
    revoked.forget_expired(later(3600 + CLOCK_LEEWAY.as_secs() - 1));
    assert_eq!(revoked.why(&id), Some(Withdrawn::TakenBack));
    revoked.forget_expired(later(3600 + CLOCK_LEEWAY.as_secs()));
    assert_eq!(revoked.why(&id), None);
}

#[test]
fn a_token_for_more_than_a_year_is_neither_made_nor_taken() {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let keys = keys();
    let make = |valid_for| {
        let new = NewToken {
            valid_for,
            ..site_token()
        };
        keys.issue(new, TokenId::generate(1, 2), now())
    };
    assert!(make(days(365)).is_ok());
    assert!(matches!(make(days(367)), Err(TokenError::BadClaims(_))));
    let exp = later(367 * 24 * 3600).as_second();
    let refused = refusal(&sign(&with("exp", json!(exp))));
    assert!(matches!(refused, TokenError::BadClaims(_)));
}

#[test]
fn two_tokens_made_for_nobody_in_particular_are_two_people() {
    let keys = keys();
    let subject = |number| {
        let new = NewToken {
            subject: None,
            site: None,
            role: Role::Operator,
            ..site_token()
        };
        let issued = keys.issue(new, TokenId::generate(1, number), now());
        let issued = issued.unwrap();
        let grant = keys.verify(&issued.token, now()).unwrap();
        assert_eq!(grant.subject(), issued.subject);
        assert!(grant.is_for_nobody_in_particular());
        issued.subject
    };
    assert_ne!(subject(1), subject(2));
    let site = NewToken {
        subject: None,
        ..site_token()
    };
    let issued = keys.issue(site, TokenId::generate(1, 2), now()).unwrap();
    assert_eq!(issued.subject, "00004", "the devices of a site are one");
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for kid in ["portal".to_owned(), own().id().to_string()] {
        for alg in ["none", "None", "HS256", "EdDSA"] {
            let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
            let token = format!("{}.{}.", encode(&header), encode(&claims()));
            let refused = keys().verify(&token, now()).unwrap_err();
            assert!(
                matches!(refused, TokenError::Malformed | TokenError::BadSignature),
                "{alg}"
            );
        }
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let own = own();
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": own.id()});
    let claims = with("iss", json!("dinh"));
    let pem_like = format!(
        "{PEM}{}",
        base64::engine::general_purpose::STANDARD.encode(own.public())
    );
    for secret in [
        own.public(),
        pem_like.as_bytes(),
        hex::encode(own.public()).as_bytes(),
    ] {
        assert_eq!(
            refusal(&forge(&header, &claims, secret)),
            TokenError::BadSignature
        );
    }
}

const PEM: &str = "-----BEGIN PUBLIC KEY-----\n";

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    for alg in ["EdDSA", "HS384", "HS512", "RS256", "ES256", "PS256"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "portal"});
        let refused = refusal(&forge(&header, &claims(), SECRET.as_bytes()));
        assert_eq!(refused, TokenError::BadSignature, "{alg}");
    }
}

#[test]
fn a_token_of_one_key_does_not_pass_as_anothers() {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": own().id()});
    let forged = forge(&header, &with("iss", json!("dinh")), SECRET.as_bytes());
    assert_eq!(refusal(&forged), TokenError::BadSignature);
    assert_eq!(
        refusal(&sign(&with("iss", json!("dinh")))),
        TokenError::WrongIssuer
    );
}

#[test]
fn a_wrong_secret_is_a_wrong_signature() {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "portal"});
    let token = forge(&header, &claims(), b"another secret of thirty-two bytes");
    assert_eq!(refusal(&token), TokenError::BadSignature);
}

#[test]
fn a_changed_claim_is_a_wrong_signature() {
    let keys = keys();
    for token in [issue(&keys, site_token()), sign(&claims())] {
        let parts: Vec<_> = token.split('.').collect();
        let payload = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let changed = String::from_utf8(payload)
            .unwrap()
            .replace("\"site\",", "\"chair\",");
        let changed = changed.replace("\"role\":\"site\"", "\"role\":\"chair\"");
        let forged = format!(
            "{}.{}.{}",
            parts[0],
            URL_SAFE_NO_PAD.encode(changed),
            parts[2]
        );
        assert_ne!(forged, token);
        assert_eq!(keys.verify(&forged, now()), Err(TokenError::BadSignature));
    }
}

#[test]
fn an_unknown_or_missing_key_id_is_refused() {
    for header in [
        json!({"alg": "HS256", "kid": "stranger"}),
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "kid": "../../etc/passwd"}),
        json!({"alg": "HS256", "kid": ""}),
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
    ] {
        let token = forge(&header, &claims(), SECRET.as_bytes());
        assert_eq!(refusal(&token), TokenError::UnknownKey, "{header}");
    }
}

#[test]
fn critical_extensions_are_not_understood() {
    let header = json!({"alg": "HS256", "kid": "portal", "crit": ["x"], "x": 1});
    assert_eq!(
        refusal(&forge(&header, &claims(), SECRET.as_bytes())),
        TokenError::Malformed
    );
}

#[test]
fn a_token_for_another_audience_is_refused() {
    assert_eq!(
        refusal(&sign(&with("aud", json!("mail")))),
        TokenError::WrongAudience
    );
    assert_eq!(
        refusal(&sign(&with("aud", json!(["mail", "calendar"])))),
        TokenError::WrongAudience
    );
}

#[test]
fn an_audience_may_be_a_list_with_us_in_it() {
    for audience in [json!(["dinh"]), json!(["mail", "dinh"])] {
        let verified = keys().verify(&sign(&with("aud", audience.clone())), now());
        assert!(verified.is_ok(), "{audience}");
    }
}

#[test]
fn a_claim_that_is_missing_or_unreadable_is_named() {
    for claim in ["iss", "sub", "aud", "jti", "iat", "nbf", "exp", "role"] {
        let text = refusal(&sign(&without(claim))).to_string();
        assert!(text.contains(&format!("`{claim}`")), "{text}");
        let text = refusal(&sign(&with(claim, json!({"no": "such"})))).to_string();
        assert!(text.contains(&format!("`{claim}`")), "{text}");
    }
}

#[test]
fn every_claim_but_site_and_name_is_needed() {
    for claim in [
        "iss", "sub", "aud", "jti", "iat", "nbf", "exp", "conf", "role",
    ] {
        assert!(
            keys().verify(&sign(&without(claim)), now()).is_err(),
            "{claim}"
        );
    }
    let hall = {
        let mut claims = with("role", json!("hall"));
        claims.as_object_mut().unwrap().remove("site");
        claims
    };
    assert!(keys().verify(&sign(&hall), now()).is_ok());
}

#[test]
fn claims_that_make_no_sense_are_named() {
    let refused = |claims: &Value| refusal(&sign(claims)).to_string();
    assert!(refused(&with("role", json!("admin"))).contains("neither conf nor site"));
    assert!(refused(&without("conf")).contains("needs a conf"));
    assert!(refused(&without("site")).contains("needs a site"));
    assert!(refused(&with("sub", json!(""))).contains("sub"));
    assert!(refused(&with("name", json!("a\nb"))).contains("name"));
    assert!(refused(&with("name", json!("x".repeat(101)))).contains("name"));
    assert!(refused(&with("exp", json!(now().as_second()))).contains("exp"));
    assert!(refused(&with("exp", json!(i64::MAX))).contains("out of range"));
    for nonsense in ["role", "conf", "site", "jti"] {
        let token = sign(&with(nonsense, json!("no such thing!")));
        let text = refusal(&token).to_string();
        assert!(text.contains(&format!("`{nonsense}`")), "{text}");
    }
}

#[test]
fn an_oversized_token_is_not_looked_at() {
    let token = sign(&with("name", json!("x".repeat(MAX_TOKEN_BYTES))));
    assert_eq!(refusal(&token), TokenError::TooLarge);
}

#[test]
fn what_is_no_token_is_refused() {
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
        "Bearer x",
        "đ.đ.đ",
    ] {
        let refused = refusal(text);
        assert!(
            matches!(refused, TokenError::Malformed | TokenError::UnknownKey),
            "{text:?}"
        );
    }
}

#[test]
fn a_token_that_would_be_refused_is_not_made() {
    let keys = keys();
    let id = || TokenId::generate(1, 2);
    let make = |new| keys.issue(new, id(), now()).unwrap_err();
    assert!(matches!(
        make(NewToken {
            site: None,
            ..site_token()
        }),
        TokenError::BadClaims(_)
    ));
    assert!(matches!(
        make(NewToken {
            conference: None,
            ..site_token()
        }),
        TokenError::BadClaims(_)
    ));
    let never = NewToken {
        valid_for: SignedDuration::ZERO,
        ..site_token()
    };
    assert!(matches!(make(never), TokenError::BadClaims(_)));
    let forever = NewToken {
        valid_for: SignedDuration::MAX,
        ..site_token()
    };
    assert!(matches!(make(forever), TokenError::BadClaims(_)));
    let stranger = "stranger".parse().unwrap();
    let refused = keys.issue_with(&stranger, site_token(), id(), now());
    assert_eq!(refused, Err(TokenError::UnknownKey));
}

#[test]
fn a_short_secret_and_a_second_key_of_one_id_are_refused() {
    let short = ApiKey {
        secret: "short".to_owned(),
        ..portal()
    };
    assert_eq!(
        Keys::new(&own(), &[short]).unwrap_err(),
        KeyError::ShortSecret(portal().id)
    );
    let twice = [portal(), portal()];
    assert_eq!(
        Keys::new(&own(), &twice).unwrap_err(),
        KeyError::Duplicate(portal().id)
    );
    let same = ApiKey {
        id: own().id(),
        ..portal()
    };
    assert_eq!(
        Keys::new(&own(), &[same]).unwrap_err(),
        KeyError::Duplicate(own().id())
    );
}

#[test]
fn neither_keys_nor_tokens_show_in_debug_output() {
    let keys = keys();
    let issued = keys
        .issue(site_token(), TokenId::generate(1, 2), now())
        .unwrap();
    let logged = format!("{keys:?} {issued:?} {:?} {:?}", portal(), own());
    assert!(
        !logged.contains(SECRET) && !logged.contains(&issued.token),
        "{logged}"
    );
}

#[test]
fn a_name_that_turns_the_direction_of_writing_is_refused() {
    let keys = keys();
    for text in ["Xã \u{202e}A", "a\nb", "a\u{2066}"] {
        let new = NewToken {
            name: Some(text.to_owned()),
            ..site_token()
        };
        let refused = keys.issue(new, TokenId::generate(1, 2), now()).unwrap_err();
        assert!(refused.to_string().contains("direction of writing"));
    }
}

#[test]
fn a_key_that_is_limited_is_believed_for_nothing_else() {
    let limited = ApiKey {
        limits: KeyLimits {
            conferences: Some(vec!["weekly".parse().unwrap()]),
            roles: Some(vec![Role::Site]),
        },
        ..portal()
    };
    let keys = Keys::new(&own(), &[limited]).unwrap();
    assert!(keys.verify(&sign(&claims()), now()).is_ok());
    for (claim, value) in [("conf", "other"), ("role", "operator")] {
        let refused = keys.verify(&sign(&with(claim, json!(value))), now());
        let expected = TokenError::BeyondKey("portal".parse().unwrap(), claim);
        assert_eq!(refused, Err(expected));
    }
}

fn narrowed(new: NewToken, scope: &str) -> NewToken {
    NewToken {
        narrowing: Narrowing {
            scope: Some(scope.parse().unwrap()),
            province: None,
        },
        ..new
    }
}

#[test]
fn a_token_is_for_the_verbs_of_its_scope_alone_and_one_without_for_all_of_its_role() {
    let keys = keys();
    let token = issue(&keys, narrowed(admin_token(), "readBookings invite"));
    let grant = keys.verify(&token, now()).unwrap();
    assert!(grant.permit(Verb::ReadBookings).is_ok());
    let refused = grant.permit(Verb::ManageTokens).unwrap_err();
    assert!(refused.message.contains("`manageTokens`"), "{refused}");
    let whole = keys.verify(&issue(&keys, admin_token()), now()).unwrap();
    assert!(whole.permit(Verb::ManageTokens).is_ok());
}

#[test]
fn a_scope_that_cannot_be_understood_opens_nothing() {
    let of = |scope: Value| refusal(&sign(&with("scope", scope)));
    let TokenError::UnreadableClaims(told) = of(json!("join fly")) else {
        panic!("an unknown verb is none")
    };
    assert!(told.contains("`scope`: \"fly\" is not a verb"), "{told}");
    assert!(matches!(
        of(json!(["join"])),
        TokenError::UnreadableClaims(_)
    ));
    assert!(matches!(of(Value::Null), TokenError::UnreadableClaims(_)));
    assert_eq!(of(json!("")), TokenError::BadClaims("scope names nothing"));
    assert!(
        keys()
            .verify(&sign(&with("scope", json!("join"))), now())
            .is_ok()
    );
}

#[test]
fn a_scope_beyond_the_role_is_not_made_and_one_that_was_signed_gives_no_more_than_the_role() {
    let wide = narrowed(admin_token(), "readBookings requestFloor");
    let refused = keys().issue(wide, TokenId::generate(1, 2), now());
    let refused = refused.unwrap_err();
    assert_eq!(
        refused,
        TokenError::BeyondRole {
            role: Role::Admin,
            verb: Verb::RequestFloor,
        }
    );
    let signed = sign(&with("scope", json!("join grantFloor")));
    let grant = keys().verify(&signed, now()).unwrap();
    assert_eq!(grant.role(), Role::Site);
    assert!(grant.permit(Verb::Join).is_ok() && grant.permit(Verb::GrantFloor).is_err());
}

#[test]
fn a_token_for_one_province_reaches_what_is_there_and_is_an_administrators() {
    let keys = keys();
    let of = |new: NewToken| NewToken {
        narrowing: Narrowing {
            scope: None,
            province: Some("01".parse().unwrap()),
        },
        ..new
    };
    let grant = keys
        .verify(&issue(&keys, of(admin_token())), now())
        .unwrap();
    let own = "01".parse().unwrap();
    assert_eq!(grant.within(Verb::AmendSite), Ok(Some(&own)));
    assert!(grant.within(Verb::ImportSites).is_err());
    assert!(grant.permit(Verb::ManageTokens).is_err());
    let made = keys.issue(of(site_token()), TokenId::generate(1, 2), now());
    assert!(matches!(made, Err(TokenError::BadClaims(_))));
}

#[test]
fn a_token_of_a_site_that_is_invited_no_more_says_so_whatever_is_said_of_it_later() {
    let keys = keys();
    let issued = keys.issue(site_token(), TokenId::generate(1, 2), now());
    let issued = issued.unwrap();
    let uninvited = RevokedToken {
        why: Withdrawn::NotInvited,
        ..taken_back(issued.id.clone())
    };
    assert!(keys.revoked().extend([uninvited]));
    assert!(!keys.revoked().extend([taken_back(issued.id.clone())]));
    let refused = keys.verify(&issued.token, now()).unwrap_err();
    assert_eq!(refused, TokenError::NotInvited);
    assert_eq!(refused.code(), ErrorCode::NotInvited);
    assert!(refused.to_string().contains("not invited any more"));
}
