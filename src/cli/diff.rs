//! The lines in which two texts differ, as `diff -u` writes them.
//!
//! E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986), §3, between what both texts have in
//! common at their ends. Where they differ in more than [`FARTHEST`] lines, the whole middle is shown as changed.

/// Lines shown around a change.
const AROUND: usize = 3;
/// Most insertions and deletions that are sought: the memory needed grows with the square.
const FARTHEST: usize = 2_000;

/// One line of the comparison: places from 0 in the old and the new text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Same(usize, usize),
    Gone(usize, usize),
    New(usize, usize),
}

/// Hunks with three lines around each change; empty where the texts are the same.
pub fn unified(old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let steps = compared(&a, &b);
    let changed: Vec<usize> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !matches!(step, Step::Same(..)))
        .map(|(at, _)| at)
        .collect();
    let mut told = String::new();
    let mut rest = changed.as_slice();
    while let Some(&first) = rest.first() {
        // Changes whose surroundings touch share a hunk.
        let count = rest.windows(2).take_while(|pair| pair[1] - pair[0] <= 2 * AROUND + 1).count() + 1;
        let last = rest[count - 1];
        rest = &rest[count..];
        let hunk = &steps[first.saturating_sub(AROUND)..(last + AROUND + 1).min(steps.len())];
        told += &hunk_of(hunk, &a, &b);
    }
    told
}

fn hunk_of(steps: &[Step], a: &[&str], b: &[&str]) -> String {
    let (old_at, new_at) = match steps.first() {
        Some(Step::Same(old, new) | Step::Gone(old, new) | Step::New(old, new)) => (*old, *new),
        None => (0, 0),
    };
    let olds = steps.iter().filter(|step| !matches!(step, Step::New(..))).count();
    let news = steps.iter().filter(|step| !matches!(step, Step::Gone(..))).count();
    // A range of no lines names the line before it.
    let from = |at: usize, count: usize| if count == 0 { at } else { at + 1 };
    let mut text = format!("@@ -{},{olds} +{},{news} @@\n", from(old_at, olds), from(new_at, news));
    for step in steps {
        let (mark, line) = match step {
            Step::Same(old, _) => (' ', a.get(*old)),
            Step::Gone(old, _) => ('-', a.get(*old)),
            Step::New(_, new) => ('+', b.get(*new)),
        };
        text.push(mark);
        text.push_str(line.copied().unwrap_or_default());
        text.push('\n');
    }
    text
}

fn compared(a: &[&str], b: &[&str]) -> Vec<Step> {
    let head = a.iter().zip(b).take_while(|(mine, theirs)| mine == theirs).count();
    let (rest_a, rest_b) = (&a[head..], &b[head..]);
    let tail =
        rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(mine, theirs)| mine == theirs).count();
    let (middle_a, middle_b) = (&rest_a[..rest_a.len() - tail], &rest_b[..rest_b.len() - tail]);
    let mut steps: Vec<Step> = (0..head).map(|at| Step::Same(at, at)).collect();
    match shortest(middle_a, middle_b) {
        Some(path) => steps.extend(path.into_iter().map(|step| match step {
            Step::Same(old, new) => Step::Same(old + head, new + head),
            Step::Gone(old, new) => Step::Gone(old + head, new + head),
            Step::New(old, new) => Step::New(old + head, new + head),
        })),
        None => {
            steps.extend((0..middle_a.len()).map(|at| Step::Gone(head + at, head)));
            steps.extend((0..middle_b.len()).map(|at| Step::New(head + middle_a.len(), head + at)));
        }
    }
    let (end_a, end_b) = (head + middle_a.len(), head + middle_b.len());
    steps.extend((0..tail).map(|at| Step::Same(end_a + at, end_b + at)));
    steps
}

/// The shortest way from one text to the other; `None`: it is longer than [`FARTHEST`].
fn shortest(a: &[&str], b: &[&str]) -> Option<Vec<Step>> {
    let most = (a.len() + b.len()).min(FARTHEST);
    // For each number of changes, how far each diagonal reaches in `a`; diagonal k stands at k + offset.
    let offset = most + 1;
    let mut reach = vec![0usize; 2 * most + 3];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for changes in 0..=most {
        // Of a round only the diagonals near it can be asked for on the way back.
        rounds.push(reach[offset - changes - 1..=offset + changes + 1].to_vec());
        for at in (offset - changes..=offset + changes).step_by(2) {
            let down = at == offset - changes || at != offset + changes && reach[at - 1] < reach[at + 1];
            let mut x = if down { reach[at + 1] } else { reach[at - 1] + 1 };
            let mut y = (x + offset).wrapping_sub(at);
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[at] = x;
            if x >= a.len() && y >= b.len() {
                return Some(way_back(&rounds, a.len(), b.len()));
            }
        }
    }
    None
}

fn way_back(rounds: &[Vec<usize>], mut x: usize, mut y: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for (changes, reach) in rounds.iter().enumerate().rev() {
        // In this round's slice diagonal k stands at k + changes + 1.
        let at = (x + changes + 1).wrapping_sub(y);
        let down = at == 1 || at != 2 * changes + 1 && reach[at - 1] < reach[at + 1];
        let (from_x, from_at) = if down { (reach[at + 1], at + 1) } else { (reach[at - 1], at - 1) };
        let from_y = (from_x + changes + 1).wrapping_sub(from_at);
        let (start_x, start_y) = if changes == 0 {
            (0, 0)
        } else if down {
            (from_x, from_y + 1)
        } else {
            (from_x + 1, from_y)
        };
        while x > start_x && y > start_y {
            (x, y) = (x - 1, y - 1);
            steps.push(Step::Same(x, y));
        }
        if changes > 0 {
            steps.push(if down { Step::New(from_x, from_y) } else { Step::Gone(from_x, from_y) });
            (x, y) = (from_x, from_y);
        }
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8]) -> Vec<&'static str> {
        text.iter().map(|digit| ["a", "b", "c", "d"][usize::from(digit % 4)]).collect()
    }

    #[test]
    fn hunks_as_diff_writes_them() {
        let old: Vec<String> = (1..=20).map(|number| format!("line {number}")).collect();
        let mut new = old.clone();
        new[9] = "line ten".to_owned();
        new.push("line 21".to_owned());
        let told = unified(&old.join("\n"), &new.join("\n"));
        assert_eq!(
            told,
            "@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+line ten\n line 11\n line 12\n line 13\n\
             @@ -18,3 +18,4 @@\n line 18\n line 19\n line 20\n+line 21\n"
        );
        assert_eq!(unified("a\nb", "a\nb\n"), "");
        assert_eq!(unified("", "a"), "@@ -0,0 +1,1 @@\n+a\n");
    }

    #[test]
    fn what_differs_everywhere_is_shown_whole() {
        let old: Vec<String> = (0..3_000).map(|number| format!("a{number}")).collect();
        let new: Vec<String> = (0..3_000).map(|number| format!("b{number}")).collect();
        assert_eq!(unified(&old.join("\n"), &new.join("\n")).lines().count(), 6_001);
    }

    proptest! {
        /// The steps rebuild both texts, in order.
        #[test]
        fn nothing_is_lost(a in prop::collection::vec(any::<u8>(), 0..30), b in prop::collection::vec(any::<u8>(), 0..30)) {
            let (a, b) = (lines(&a), lines(&b));
            let steps = compared(&a, &b);
            let olds: Vec<usize> = steps.iter().filter_map(|step| match step { Step::Same(old, _) | Step::Gone(old, _) => Some(*old), Step::New(..) => None }).collect();
            let news: Vec<usize> = steps.iter().filter_map(|step| match step { Step::Same(_, new) | Step::New(_, new) => Some(*new), Step::Gone(..) => None }).collect();
            prop_assert_eq!(olds, (0..a.len()).collect::<Vec<_>>());
            prop_assert_eq!(news, (0..b.len()).collect::<Vec<_>>());
            prop_assert!(steps.iter().all(|step| !matches!(step, Step::Same(old, new) if a[*old] != b[*new])));
        }
    }
}
