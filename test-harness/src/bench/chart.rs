//! A chart of what each variant takes, as SVG: a bar to the median, and a line from the least to the most.

use std::fmt::Write as _;

use super::report::Row;

const WIDTH: f64 = 960.0;
const LABEL: f64 = 400.0;
const LINE: f64 = 26.0;
const TOP: f64 = 44.0;

/// Colours of families of variants, the first whose word a name has.
const COLOURS: [(&str, &str); 3] = [("against", "#8cb4f0"), ("ambit", "#1f6feb"), ("", "#9aa4b0")];

pub(super) fn svg(rows: &[Row]) -> String {
    let most = rows.iter().map(|row| row.cpu.max).fold(1.0, f64::max);
    let step = step(most);
    let scale = (WIDTH - LABEL - 70.0) / most;
    let height = TOP + LINE * f64::from(u32::try_from(rows.len()).unwrap_or(0)) + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\" aria-label=\"Processor time of the sidecar per request\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-weight=\"bold\">Processor time of the sidecar per request, microseconds</text>\n"
    );
    let mut mark = 0.0;
    while mark <= most {
        let x = LABEL + mark * scale;
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#e3e6ea\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"#667\" text-anchor=\"middle\">{mark}</text>",
            height - 18.0,
            height - 4.0,
        );
        mark += step;
    }
    let mut y = TOP;
    for row in rows {
        let colour = COLOURS.iter().find(|(family, _)| row.variant.name.contains(family));
        let colour = colour.map_or("#9aa4b0", |(_, colour)| colour);
        let (middle, end) = (y + LINE / 2.0, LABEL + row.cpu.median * scale);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\
             <line x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"#24292f\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{:.0}</text>",
            LABEL - 8.0,
            middle + 4.0,
            escaped(&row.variant.about),
            y + 4.0,
            (end - LABEL).max(0.0),
            LINE - 8.0,
            LABEL + row.cpu.min * scale,
            LABEL + row.cpu.max * scale,
            LABEL + row.cpu.max * scale + 6.0,
            middle + 4.0,
            row.cpu.median,
        );
        y += LINE;
    }
    out.push_str("</svg>\n");
    out
}

/// The distance of marks on the scale: 1, 2 or 5 times a power of ten, for at most eight of them.
fn step(most: f64) -> f64 {
    let mut power = 1.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if most / (factor * power) <= 8.0 {
                return factor * power;
            }
        }
        power *= 10.0;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn step() {
        let check =
            |most: f64, wanted: f64| assert_eq!(super::step(most).to_bits(), wanted.to_bits(), "{most}");
        check(1.0, 1.0);
        check(8.0, 1.0);
        check(9.0, 2.0);
        check(90.0, 20.0);
        check(400.0, 50.0);
        check(500.0, 100.0);
    }
}
