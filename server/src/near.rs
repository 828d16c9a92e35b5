//! Which name somebody meant who mistyped it.

/// The longest name that is compared.
const LONGEST: usize = 64;

/// `; did you mean …?` with the nearest of these names, if one is near; else nothing.
pub fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let length = typed.chars().count();
    if length > LONGEST {
        return String::new();
    }
    let far = |name: &str| distance(name, typed);
    let near = names.into_iter().min_by_key(|name| far(name));
    // Of a short text, three edits can make any other.
    let near = near.filter(|name| far(name) <= 3 && far(name) * 2 < length);
    near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Edits (insert, delete, replace) between two short texts.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let (mut diagonal, mut before) = (i, i + 1);
        let mut next = vec![before];
        for (b, above) in right.chars().zip(row.iter().skip(1)) {
            before = (diagonal + usize::from(a != b)).min(above + 1).min(before + 1);
            next.push(before);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
