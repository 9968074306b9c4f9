//! Durations and sizes as people write them.

use std::time::Duration;

/// `500ms`, `5s`, `10m`, `2h`, `5d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a duration such as \"500ms\", \"5s\", \"10m\", \"2h\" or \"5d\"".to_owned();
    let (count, unit) = split(text).ok_or_else(wrong)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// A duration in the largest unit that it is a whole number of.
pub(super) fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, length)| millis > 0 && millis.is_multiple_of(*length)) {
        Some((unit, length)) => format!("{}{unit}", millis / length),
        None => format!("{millis}ms"),
    }
}

/// `4096B`, `512KiB`, `64MiB`, `2GiB`, and the decimal `KB`, `MB`, `GB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as \"512KiB\", \"64MiB\" or \"2GiB\"".to_owned();
    let (count, unit) = split(text).ok_or_else(wrong)?;
    let bytes = match unit {
        "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    count.checked_mul(bytes).ok_or_else(wrong)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(end);
    Some((count.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("5d"), Ok(Duration::from_secs(432_000)));
        assert_eq!(duration("500 ms"), Ok(Duration::from_millis(500)));
        for text in ["5d", "36h", "90s", "1500ms", "0ms"] {
            assert_eq!(duration(text).map(shown), Ok(text.to_owned()));
        }
        for bad in ["", "5", "s", "-5s", "5 weeks", "1.5h", "99999999999999999999s", "9999999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("10 MB"), Ok(10_000_000));
        for bad in ["", "2G", "GiB", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
