//! Slack's signature: who sent a request, and when. <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use hmac::{Hmac, KeyInit as _, Mac as _};
use host::Secret;
use incident::Timestamp;
use sha2::Sha256;

/// The header with the signature.
pub(crate) const SIGNATURE: &str = "x-slack-signature";
/// The header with the seconds since 1970.
pub(crate) const TIMESTAMP: &str = "x-slack-request-timestamp";
/// How old a request may be, and how far ahead a clock.
const WINDOW_S: i64 = 300;

/// Whether Slack signed these very bytes at that time, and not long ago. The comparison takes the same time wherever the two differ;
/// during a rotation the secret may hold two, separated by a comma.
pub fn is_genuine(secret: &Secret, time: &str, body: &[u8], signature: &str, now: Timestamp) -> bool {
    let recent = time.parse().is_ok_and(|at: i64| now.as_second().abs_diff(at) <= WINDOW_S.unsigned_abs());
    let given = signature.strip_prefix("v0=").and_then(bytes);
    let (true, Some(given)) = (recent, given) else { return false };
    let secrets = secret.expose().split(',').map(str::trim).filter(|secret| !secret.is_empty());
    secrets.fold(false, |found, secret| {
        found | mac(secret, time, body).is_some_and(|mac| mac.verify_slice(&given).is_ok())
    })
}

/// The signature that Slack would send.
pub fn header_value(secret: &str, time: &str, body: &[u8]) -> Option<String> {
    let digest = mac(secret, time, body)?.finalize().into_bytes();
    Some(format!("v0={}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("v0:{time}:").as_bytes());
    mac.update(body);
    Some(mac)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let plain = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    plain.then(|| {
        (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's own documentation.
    #[test]
    fn slacks_own_example_is_genuine_for_five_minutes() {
        let secret = Secret::new("8f742231b10e8888abcd99yyyzzz85a5");
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let at = |second: i64| Timestamp::from_second(1_531_420_618 + second).unwrap();
        let genuine = |body: &[u8], signature: &str, second| {
            is_genuine(&secret, "1531420618", body, signature, at(second))
        };
        assert!(
            genuine(body, signature, 0) && genuine(body, signature, 300) && genuine(body, signature, -60)
        );
        assert!(!genuine(body, signature, 301) && !genuine(body, signature, -301), "stale");
        assert!(!genuine(b"token=other", signature, 0), "another body");
        assert!(!genuine(body, &signature.replace("a2", "a3"), 0), "another signature");
        for nothing in ["", "v0=", "v0=zz", "a2114d57", "v1=a2"] {
            assert!(!genuine(body, nothing, 0), "{nothing}");
        }
        assert!(!is_genuine(&secret, "1531420619", body, signature, at(0)), "another time");
        assert!(!is_genuine(&Secret::new(""), "1531420618", body, signature, at(0)), "no secret");
        assert!(is_genuine(
            &Secret::new(format!("new, {}", secret.expose())),
            "1531420618",
            body,
            signature,
            at(0)
        ));
    }
}
