//! What is taken for the provider's, and what is not.

use platform::random::SystemRandom;

use super::*;

const BODY: &[u8] = br#"{"id":"evt_1"}"#;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn secret(letter: &str) -> Secret {
    format!("whsec_{}", letter.repeat(32)).parse().unwrap()
}

#[test]
fn it_is_the_hmac_that_stripe_describes() {
    // Computed with OpenSSL: printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_ and 32 times a
    let header = sign(&[secret("a")], BODY, at(1_700_000_000));
    assert_eq!(header, format!("t=1700000000,v1={KNOWN}"));
}

const KNOWN: &str = "afaa56493698c58a9fa7b6e962c36042f7da56e94d2e36698043f7ce60eaf28a";

#[test]
fn what_one_of_the_secrets_has_signed_is_taken() {
    let (old, new) = (secret("a"), secret("b"));
    let both = [old.clone(), new.clone()];
    for signers in [&both[..1], &both[1..], &both[..]] {
        let header = sign(signers, BODY, at(1000));
        assert_eq!(verify(&both, Some(&header), BODY, at(1000)), Ok(()));
    }
    let header = sign(&both, BODY, at(1000));
    for secret in [old, new] {
        assert_eq!(verify(&[secret], Some(&header), BODY, at(1000)), Ok(()));
    }
    let spaced = header.replace(',', ", ") + ",v0=zz,v2=1";
    assert_eq!(verify(&both, Some(&spaced), BODY, at(1000)), Ok(()));
}

#[test]
fn what_nobody_has_signed_is_not() {
    let ours = [secret("a")];
    let header = sign(&ours, BODY, at(1000));
    let wrong = Err(Forged::WrongSignature);
    let theirs = sign(&[secret("b")], BODY, at(1000));
    assert_eq!(verify(&ours, Some(&theirs), BODY, at(1000)), wrong);
    assert_eq!(verify(&ours, Some(&header), b"{}", at(1000)), wrong);
    let later = header.replace("t=1000", "t=1001");
    assert_eq!(verify(&ours, Some(&later), BODY, at(1001)), wrong);
    assert_eq!(verify(&[], Some(&header), BODY, at(1000)), wrong);
    assert_eq!(verify(&ours, Some("t=1000"), BODY, at(1000)), wrong);
    let cut = header.get(..header.len() - 2);
    assert_eq!(verify(&ours, cut, BODY, at(1000)), wrong);
}

#[test]
fn a_header_that_says_nothing_is_not() {
    let ours = [secret("a")];
    let doubled = sign(&ours, BODY, at(1000)) + ",t=1000";
    for header in [
        None,
        Some(""),
        Some("t"),
        Some("v1=00"),
        Some("t=1,v1=0"),
        Some("t=1,v1=xx"),
        Some(&*doubled),
    ] {
        assert_eq!(
            verify(&ours, header, BODY, at(1000)),
            Err(Forged::Unsigned),
            "{header:?}"
        );
    }
    // A time that is none can't be genuine unless whoever signs it has the secret.
    let mac = secret("a").mac("soon", BODY).unwrap();
    let soon = format!("t=soon,v1={}", hex_of(&mac.finalize().into_bytes()));
    assert_eq!(
        verify(&ours, Some(&soon), BODY, at(1000)),
        Err(Forged::Unsigned)
    );
}

#[test]
fn five_minutes_before_and_after_are_taken() {
    let ours = [secret("a")];
    let header = sign(&ours, BODY, at(10_000));
    for (now, taken) in [
        (9_699, false),
        (9_700, true),
        (10_300, true),
        (10_301, false),
    ] {
        let verdict = verify(&ours, Some(&header), BODY, at(now));
        assert_eq!(verdict.is_ok(), taken, "{now}");
        assert!(taken || verdict == Err(Forged::Untimely));
    }
}

#[test]
fn a_secret_survives_its_text_and_is_never_shown() {
    let made = Secret::generate(&SystemRandom);
    assert_eq!(made.to_text().parse(), Ok(made.clone()));
    assert_eq!(format!("{made:?}"), "Secret");
    for none in [
        "",
        "whsec_",
        "whsec_short",
        "k4.secret.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        assert_eq!(none.parse::<Secret>(), Err(NoSecret), "{none}");
    }
}
