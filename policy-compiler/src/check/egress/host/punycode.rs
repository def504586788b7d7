//! The A-labels of a name in another script, to be offered to whoever wrote it. Names that are compared are never made
//! here: `foo.example` in Cyrillic letters would look in policy like the one in Latin letters.

/// The name with its labels that are not ASCII as RFC 3492 spells them; `None` if one is too long for that.
pub(super) fn a_labels(name: &str) -> Option<String> {
    // Ideographic full stops separate labels as well (RFC 3490, section 3.1).
    let labels = name.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).map(|label| {
        let label = label.to_lowercase();
        if label.is_ascii() { Some(label) } else { encode(&label).map(|encoded| format!("xn--{encoded}")) }
    });
    Some(labels.collect::<Option<Vec<String>>>()?.join("."))
}

/// RFC 3492, section 6.3.
fn encode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (0x80_u32, 0_u32, 72_u32, basic);
    while handled < u32::try_from(points.len()).ok()? {
        let least = points.iter().copied().filter(|point| *point >= next).min()?;
        delta = delta.checked_add(least.checked_sub(next)?.checked_mul(handled.checked_add(1)?)?)?;
        next = least;
        for point in &points {
            if *point < next {
                delta = delta.checked_add(1)?;
            }
            if *point != next {
                continue;
            }
            let (mut rest, mut k) = (delta, BASE);
            loop {
                let threshold = k.saturating_sub(bias).clamp(1, 26);
                if rest < threshold {
                    break;
                }
                let span = BASE.checked_sub(threshold)?;
                let above = rest.checked_sub(threshold)?;
                out.push(digit(threshold.checked_add(above.checked_rem(span)?)?)?);
                rest = above.checked_div(span)?;
                k = k.checked_add(BASE)?;
            }
            out.push(digit(rest)?);
            let count = handled.checked_add(1)?;
            bias = adapt(delta, count, handled == basic)?;
            delta = 0;
            handled = count;
        }
        delta = delta.checked_add(1)?;
        next = next.checked_add(1)?;
    }
    Some(out)
}

/// RFC 3492, section 6.1.
fn adapt(delta: u32, count: u32, is_first: bool) -> Option<u32> {
    let mut delta = delta.checked_div(if is_first { 700 } else { 2 })?;
    delta = delta.checked_add(delta.checked_div(count)?)?;
    let mut k = 0_u32;
    while delta > 455 {
        delta = delta.checked_div(35)?;
        k = k.checked_add(36)?;
    }
    k.checked_add(delta.checked_mul(36)?.checked_div(delta.checked_add(38)?)?)
}

fn digit(value: u32) -> Option<char> {
    char::from_digit(value.checked_add(10)?.checked_rem(36)?, 36).filter(|_| value < 36)
}

#[cfg(test)]
mod tests {
    use super::a_labels;

    /// Names as IANA's root zone and RFC 3492, section 7.1, have them.
    #[test]
    fn known_names() {
        for (name, expected) in [
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("bücher.de", "xn--bcher-kva.de"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("почта.рф", "xn--80a1acny.xn--p1ai"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("Pročprostěnemluvíčesky", "xn--proprostnemluvesky-uyb24dma41a"),
            ("ですますで行く", "xn--y8jtaa8cc0l2966d"),
            ("plain.example", "plain.example"),
        ] {
            assert_eq!(a_labels(name).as_deref(), Some(expected), "{name}");
        }
    }
}
