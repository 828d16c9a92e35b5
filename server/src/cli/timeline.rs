//! `keyward keys list` on a terminal: each key as a bar in time.

use super::output::show_time;
use keys::KeyInfo;
use protocol::time::Timestamp;
use std::fmt::Write as _;

/// How many columns the bars have at most, and how many are left of them.
const WIDTH: u64 = 60;
const MARGIN: u64 = 17;
/// A terminal that is narrower gets no bars.
const NARROWEST: u64 = 60;

/// One bar for each key, from its publication to its removal, under a mark at the present; nothing on a terminal with too
/// few `columns`.
pub(super) fn draw(keys: &[KeyInfo], now: Timestamp, columns: u64) -> String {
    if columns < NARROWEST {
        return String::new();
    }
    // The mark at the right end is followed by a word.
    let width = WIDTH.min(columns - MARGIN - 5);
    let known = keys.iter().flat_map(|key| {
        [Some(key.publish_at), Some(key.sign_from), key.retire_at, key.remove_at].into_iter().flatten()
    });
    let (Some(start), Some(end)) = (known.clone().min(), known.max()) else { return String::new() };
    let (start, end) = (start.min(now).millis(), end.max(now).millis());
    // A key without an end reaches a tenth further than everything else.
    let step = ((end - start) + (end - start) / 10).max(1).div_ceil(width);
    let column = |at: Timestamp| at.millis().saturating_sub(start) / step;
    let mut text = String::from("\n");
    for key in keys {
        let (from, until) = (column(key.publish_at), key.remove_at.map_or(width, column));
        let bar = (0..width).map(|at| match () {
            () if at < from || at >= until.max(from + 1) => ' ',
            () if at < column(key.sign_from) => '·',
            () if key.retire_at.is_some_and(|end| at >= column(end)) => '░',
            () => '█',
        });
        let kid: String = key.kid.chars().take(8).collect();
        let _infallible = writeln!(text, "{:5}  {kid}  {}", key.alg, bar.collect::<String>().trim_end());
    }
    let mark = usize::try_from(column(now)).unwrap_or(0);
    let _infallible = writeln!(text, "{:17}{:mark$}▲ now", "", "");
    let first = show_time(Timestamp::from_millis(start));
    let _infallible = writeln!(text, "from {first}\n· published  █ signs  ░ verified only");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use keys::KeyState;
    use protocol::jwk::Algorithm;

    #[test]
    fn each_key_is_a_bar_from_its_publication_to_its_removal() {
        let day = |day: u64| Timestamp::from_seconds(1_800_000_000 + day * 86_400);
        let key = |kid: &str, [publish, sign]: [u64; 2], ends: Option<[u64; 2]>| KeyInfo {
            kid: kid.to_owned(),
            alg: Algorithm::ES256,
            state: KeyState::Active,
            publish_at: day(publish),
            sign_from: day(sign),
            retire_at: ends.map(|[retire, _]| day(retire)),
            remove_at: ends.map(|[_, remove]| day(remove)),
            kms_key: None,
        };
        let keys = [
            key("first-key", [0, 0], Some([30, 32])),
            key("second-key", [0, 30], Some([60, 62])),
            key("third-key", [30, 60], None),
        ];
        let drawn = draw(&keys, day(31), 200);
        let bars: Vec<_> = drawn.lines().skip(1).collect();
        let expected = [
            "ES256  first-ke  ██████████████████████████░░",
            "ES256  second-k  ··························██████████████████████████░░",
            "ES256  third-ke                            ··························████████",
            "                                            ▲ now",
        ];
        assert_eq!(bars[..4], expected, "{drawn}");
        assert_eq!(draw(&[], day(0), 200), "");
        for columns in [60, 70, 80, 200] {
            let drawn = draw(&keys, day(70), columns);
            assert!(drawn.lines().all(|line| line.chars().count() as u64 <= columns), "{drawn}");
        }
        assert_eq!(draw(&keys, day(31), 59), "");
    }
}
