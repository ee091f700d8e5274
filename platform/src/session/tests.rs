//! Tests of sessions: what is believed, and what is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::envelope::{self, Envelope};
use contracts::events::auth::{Session, SessionFact, SessionState};
use http::header::COOKIE as COOKIE_HEADER;
use http::{HeaderMap, Request};
use uuid::Uuid;

use super::*;
use crate::db::Tx;
use crate::http::test_context::context;
use crate::random::{Random, SystemRandom, uuid_v7};

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn key() -> SigningKey {
    SigningKey::generate(&SystemRandom).unwrap()
}

fn ann() -> SignedIn {
    let id = || uuid_v7(&SystemRandom, now());
    SignedIn::begin(
        id().into(),
        id().into(),
        "ann@mail.example".to_owned(),
        now(),
    )
}

fn sessions(key: &SigningKey) -> Sessions {
    Sessions::new(vec![key.public().unwrap()])
}

#[test]
fn a_token_speaks_for_its_person_for_fourteen_days() {
    let (key, ann) = (key(), ann());
    let token = key.sign(&ann).unwrap();
    assert!(token.starts_with("v4.public."));
    let sessions = sessions(&key);
    for _ in 0..2 {
        assert_eq!(sessions.verify(&token, now()).as_ref(), Some(&ann));
    }
    let end = later(now(), LIFETIME);
    assert!(
        sessions
            .verify(&token, end - Duration::from_micros(1))
            .is_some()
    );
    assert!(sessions.verify(&token, end).is_none());
    assert!(
        sessions.verify(&token, now()).is_some(),
        "the clock alone decides, not the memory"
    );
}

#[test]
fn a_token_from_the_future_is_not_believed_yet() {
    let key = key();
    let token = key.sign(&ann()).unwrap();
    let early = |seconds| now() - Duration::from_secs(seconds);
    assert!(sessions(&key).verify(&token, early(60)).is_some());
    assert!(sessions(&key).verify(&token, early(61)).is_none());
}

#[test]
fn forged_and_damaged_tokens_are_worth_nothing() {
    let key = key();
    let sessions = sessions(&key);
    let token = key.sign(&ann()).unwrap();
    assert!(sessions.verify(&token, now()).is_some());
    for end in 0..token.len() {
        assert!(
            sessions.verify(&token[..end], now()).is_none(),
            "cut at {end}"
        );
    }
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            sessions.verify(&changed, now()).is_none(),
            "changed at {place}"
        );
    }
    let others = super::SigningKey::generate(&SystemRandom)
        .unwrap()
        .sign(&ann())
        .unwrap();
    assert!(sessions.verify(&others, now()).is_none());
    assert!(
        sessions
            .verify(&format!("{token}.Zm9vdGVy"), now())
            .is_none(),
        "a footer"
    );
}

#[test]
fn tokens_of_other_kinds_are_worth_nothing() {
    let key = key();
    let sessions = sessions(&key);
    let claims = r#"{"sub":"0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000","jti":"0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000","email":"a@b.example","iat":"2026-01-01T00:00:00Z","exp":"2027-01-01T00:00:00Z"}"#;
    let encoded = URL_SAFE_NO_PAD.encode(claims);
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let unsigned = URL_SAFE_NO_PAD.encode([claims.as_bytes(), &[0; 64]].concat());
    for token in [
        format!("{none}.{encoded}."),
        format!("{none}.{encoded}"),
        format!("v4.public.{encoded}"),
        format!("v4.public.{unsigned}"),
        format!("v4.local.{unsigned}"),
        format!("v2.public.{unsigned}"),
        "v4.public.".to_owned(),
        "v4.public".to_owned(),
        "null".to_owned(),
        String::new(),
        "ä".repeat(10_000),
        "v4.public.".to_owned() + &"A".repeat(100_000),
    ] {
        assert!(sessions.verify(&token, now()).is_none(), "{token:.80}");
    }
}

#[test]
fn a_revoked_session_is_over_at_once() {
    let (key, ann) = (key(), ann());
    let sessions = sessions(&key);
    let token = key.sign(&ann).unwrap();
    assert!(sessions.verify(&token, now()).is_some());
    sessions.clone().revoke(ann.session_id, ann.expires_at);
    assert!(sessions.verify(&token, now()).is_none());
    sessions.forget_expired(now());
    assert!(sessions.verify(&token, now()).is_none());
    sessions.forget_expired(ann.expires_at);
    assert!(sessions.0.revoked.read().unwrap().is_empty());
    assert!(sessions.verify(&token, ann.expires_at).is_none());
}

#[test]
fn while_a_key_is_replaced_both_are_believed() {
    let (old, new) = (key(), key());
    let sessions = Sessions::new(vec![new.public().unwrap(), old.public().unwrap()]);
    for key in [&old, &new] {
        assert!(sessions.verify(&key.sign(&ann()).unwrap(), now()).is_some());
    }
    assert!(
        Sessions::new(Vec::new())
            .verify(&old.sign(&ann()).unwrap(), now())
            .is_none()
    );
}

#[test]
fn more_tokens_than_are_remembered_are_still_judged_rightly() {
    let verified = super::verified::Verified::default();
    let ann = ann();
    let mut checks = 0;
    for token in 0..20_000 {
        let known = verified.get_or_verify(&format!("token {token}"), || {
            checks += 1;
            (token % 2 == 0).then(|| ann.clone())
        });
        assert_eq!(known.is_some(), token % 2 == 0);
    }
    assert_eq!(checks, 20_000);
    let again = verified.get_or_verify("token 19998", || panic!("it is remembered"));
    assert_eq!(again, Some(ann));
}

#[test]
fn keys_are_written_and_read_back() {
    let key = key();
    let text = key.to_text();
    assert!(text.starts_with("k4.secret."));
    let back: SigningKey = format!("{text}\n").parse().unwrap();
    let public: PublicKey = key.public().unwrap().to_string().parse().unwrap();
    let token = back.sign(&ann()).unwrap();
    assert!(Sessions::new(vec![public]).verify(&token, now()).is_some());
    assert!(
        !format!("{key:?}").contains(&text[10..]),
        "no secret in debugging output"
    );
    let zeros = format!("k4.secret.{}", URL_SAFE_NO_PAD.encode([0; 64]));
    let mixed = [
        &URL_SAFE_NO_PAD.decode(&text[10..]).unwrap()[..32],
        &[7; 32],
    ]
    .concat();
    let mixed = format!("k4.secret.{}", URL_SAFE_NO_PAD.encode(mixed));
    for bad in [
        "",
        "k4.secret.",
        "k4.secret.AAAA",
        &text[10..],
        &text[..text.len() - 1],
        &zeros,
        &mixed,
    ] {
        assert!(bad.parse::<SigningKey>().is_err(), "{bad}");
    }
    let zeros = format!("k4.public.{}", URL_SAFE_NO_PAD.encode([0; 32]));
    for bad in ["", "k4.public.AAAA", &text, &zeros] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
}

#[test]
fn all_zeros_are_no_key() {
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }
    assert!(SigningKey::generate(&Zeros).is_err());
}

fn cookies(lines: &[&str]) -> HeaderMap {
    lines
        .iter()
        .map(|line| (COOKIE_HEADER, line.parse().unwrap()))
        .collect()
}

#[test]
fn the_token_is_found_among_other_cookies() {
    for lines in [
        &["session=T"][..],
        &["a=b; session=T"],
        &["a=b;session=T;c"],
        &["a=b", "session=T"],
        &["session=; session=T"],
    ] {
        assert_eq!(token_in(&cookies(lines)), Some("T"), "{lines:?}");
    }
    for lines in [
        &[][..],
        &["session"],
        &["session="],
        &["xsession=T"],
        &["session2=T"],
        &["Session=T"],
    ] {
        assert_eq!(token_in(&cookies(lines)), None, "{lines:?}");
    }
}

#[test]
fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let cookie = set_cookie("T", true, LIFETIME);
    assert_eq!(
        cookie,
        "session=T; HttpOnly; SameSite=Lax; Path=/; Max-Age=1209600; Secure"
    );
    assert_eq!(
        clear_cookie(false),
        "session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
    );
}

fn revoked_event(state: &SessionState) -> Envelope {
    let (kind, data) = envelope::encode::<Session>(&SessionFact::Revoked, state).unwrap();
    Envelope {
        specversion: "1.0".to_owned(),
        id: format!("session/{}/1/1", state.id),
        source: format!("/auth/session/{}", state.id),
        kind,
        subject: state.id.to_string(),
        time: now(),
        datacontenttype: "application/json".to_owned(),
        aggregate: "session".to_owned(),
        aggregateversion: 1,
        incarnation: 1,
        causationid: None,
        correlationid: None,
        traceparent: None,
        data,
    }
}

#[tokio::test]
async fn a_revocation_that_is_heard_holds_at_once_and_after_a_restart() {
    let (key, ann) = (key(), ann());
    let token = key.sign(&ann).unwrap();
    let sessions = sessions(&key);
    let (ctx, clock, _directory) = context(sessions.clone());
    let state = SessionState {
        id: ann.session_id,
        user_id: ann.user_id,
        expires_at: ann.expires_at,
    };
    let consumer = revocations(sessions.clone());
    assert_eq!(
        (consumer.copies, consumer.reacts),
        (&["revoked_sessions"][..], false)
    );
    let event = revoked_event(&state);
    let again = consumer.clone();
    let applied = ctx
        .db
        .write(async move |tx: &mut Tx| again.apply(tx, &event).await)
        .await;
    applied.unwrap();
    assert!(sessions.verify(&token, now()).is_none());

    let restarted = super::tests::sessions(&key);
    assert!(restarted.verify(&token, now()).is_some());
    restarted.load_revoked(&ctx.db, ctx.now()).await.unwrap();
    assert!(restarted.verify(&token, now()).is_none());

    clock.advance(LIFETIME);
    let later = super::tests::sessions(&key);
    later.load_revoked(&ctx.db, ctx.now()).await.unwrap();
    assert!(
        later.0.revoked.read().unwrap().is_empty(),
        "expired ones need no memory"
    );
}

async fn extract(ctx: &Context, cookie: &str) -> (Option<SignedIn>, Result<SignedIn, u16>) {
    let request = Request::get("/")
        .header(COOKIE_HEADER, cookie)
        .body(())
        .unwrap();
    let (mut parts, ()) = request.into_parts();
    let Ok(MaybeSignedIn(maybe)) = MaybeSignedIn::from_request_parts(&mut parts, ctx).await;
    let surely = SignedIn::from_request_parts(&mut parts, ctx).await;
    (
        maybe,
        surely.map_err(|failure| failure.refused().unwrap().status.as_u16()),
    )
}

#[tokio::test]
async fn handlers_learn_who_asks() {
    let (key, ann) = (key(), ann());
    let (ctx, _clock, _directory) = context(sessions(&key));
    let token = key.sign(&ann).unwrap();
    assert_eq!(
        extract(&ctx, &format!("session={token}")).await,
        (Some(ann.clone()), Ok(ann))
    );
    assert_eq!(extract(&ctx, "session=forged").await, (None, Err(401)));
    assert_eq!(extract(&ctx, "").await, (None, Err(401)));
    let nobody = SessionId::from(Uuid::nil());
    ctx.sessions.revoke(nobody, now());
}
