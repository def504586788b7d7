//! The graph as one page that needs nothing else: a picture, and tables of what was found.

use std::collections::BTreeSet;

use super::html::{escape, fitted};
use super::layout::{AGENT, BOX, Drawn, Layout, MAX_ROWS, Placed, ROW, Thing};
use crate::command::escalations::{named, of_circles, outcome, story, unused};
use crate::limits::{MAX_DRAWN, MAX_LISTED};
use crate::policy::Loaded;
use crate::reach::{Outcome, Path, Reach};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The most escalations that are listed without being asked for.
const MAX_SHOWN: usize = 60;

/// How much smaller the picture may get to fit the window.
const SMALLEST: f64 = 0.7;

/// Colours of trunks, told apart by most people.
const COLOURS: [&str; 8] =
    ["#4269d0", "#b8860b", "#3a9d5d", "#9467bd", "#97592f", "#2596a8", "#c2578f", "#6b7280"];

/// The page of all that was found, or of these paths only.
pub(super) fn render(reach: &Reach<'_>, loaded: &Loaded, paths: &[&Path], is_part: bool) -> String {
    let drawn = if is_part {
        Drawn {
            agents: paths.iter().flat_map(|path| path.way.iter().copied()).collect(),
            actions: paths.iter().map(|path| path.action).collect(),
        }
    } else {
        Drawn {
            agents: (0..reach.policy.agents.len()).collect(),
            actions: (0..reach.actions.len()).collect(),
        }
    };
    let layout = (drawn.agents.len() <= MAX_DRAWN).then(|| Layout::of(reach, &drawn));
    let escalations: Vec<&Path> = paths.iter().copied().filter(|path| path.is_escalation()).collect();
    let mut text = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    text.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n<title>Who can cause what through whom</title>\n");
    text.push_str(&format!("<style>\n{STYLE}</style>\n<h1>Who can cause what through whom</h1>\n"));
    let counts = [
        (drawn.agents.len(), "agents"),
        (layout.as_ref().map_or(reach.policy.services.len(), |layout| layout.services.len()), "services"),
        (paths.iter().filter(|path| path.is_reached()).count(), "things can be caused"),
        (escalations.len(), "escalations are closed or limited"),
        (escalations.iter().filter(|path| path.outcome == Outcome::Open).count(), "open"),
    ];
    let counts: Vec<String> = counts.iter().map(|(count, what)| format!("<b>{count}</b> {what}")).collect();
    text.push_str(&format!("<p class=counts>{}</p>\n", counts.join(" &middot; ")));
    text.push_str(
        "<p class=legend><span class=key><i class=origin></i>begins work</span><span class=key><i class=call></i>calls</span>\
         <span class=key><i class=back></i>calls back, or beside</span><span class=key><i class=red></i>a mesh that knows only who calls would let others cause more here: closed or limited</span></p>\n",
    );
    match &layout {
        Some(layout) => text.push_str(&picture(reach, layout, &escalations)),
        None => text.push_str(&format!(
            "<p>These are too many for one picture, which has room for {MAX_DRAWN} agents: <code>--from AGENT</code> or <code>--to SERVICE/ACTION</code> draws a part.</p>\n"
        )),
    }
    text.push_str(&tables(reach, loaded, paths, &escalations));
    text.push_str(&format!("<script>\n{SCRIPT}</script>\n</html>\n"));
    text
}

fn picture(reach: &Reach<'_>, layout: &Layout, escalations: &[&Path]) -> String {
    let mut text = format!(
        "<div class=picture style=\"--wide: {0:.0}px\"><svg viewBox=\"0 0 {0:.0} {1:.0}\" style=\"min-width: {2:.0}px\" role=\"img\" aria-label=\"Agents, whom they call, and what they use\">\n",
        layout.width,
        layout.height,
        layout.width * SMALLEST
    );
    text.push_str(
        "<defs><marker id=arrow viewBox=\"0 0 8 8\" refX=7 refY=4 markerWidth=9 markerHeight=9 markerUnits=userSpaceOnUse orient=auto><path d=\"M0 0L8 4L0 8z\" fill=\"context-stroke\"/></marker></defs>\n",
    );
    let at = |thing: Thing| layout.placed.iter().find(|placed| placed.thing == thing);
    // What others could cause through this caller.
    let red: BTreeSet<(usize, usize)> = escalations.iter().map(|path| (path.caller(), path.action)).collect();
    for (service, _) in layout.services.iter().enumerate() {
        trunk(layout, service, &at, &mut text);
    }
    for (agent, service, actions) in &layout.uses {
        let next = layout.column_of.get(*agent).copied().unwrap_or(0).saturating_add(1);
        let is_last = next.saturating_add(1) >= layout.columns;
        let to = layout.placed.iter().find(|placed| match placed.thing {
            Thing::Service(found) => is_last && found == *service,
            Thing::Trunk(found) => !is_last && found == *service && column_at(layout, placed) == next,
            Thing::Agent(_) => false,
        });
        let (Some(from), Some(to)) = (at(Thing::Agent(*agent)), to) else { continue };
        let is_red = actions.iter().any(|action| red.contains(&(*agent, *action)));
        let class = if is_red { "use red" } else { "use" };
        let arrow = if is_last { " marker-end=\"url(#arrow)\"" } else { "" };
        text.push_str(&format!(
            "<path class=\"{class}\" data-a={agent} data-s={service} stroke=\"{}\" d=\"{}\"{arrow}/>\n",
            colour(*service),
            curve((from.x + BOX, from.y), (to.x, to.y))
        ));
    }
    for (from, calls) in reach.calls.iter().enumerate() {
        for call in calls {
            let (Some(one), Some(other)) = (at(Thing::Agent(from)), at(Thing::Agent(call.to))) else {
                continue;
            };
            let is_red = call.by.iter().any(|action| red.contains(&(from, *action)));
            let is_forward = other.x > one.x;
            let mut class = String::from(if is_forward { "call" } else { "call back" });
            if is_red {
                class.push_str(" red");
            }
            let path = if is_forward {
                curve((one.x + BOX, one.y), (other.x - 2.0, other.y))
            } else {
                back((one.x, one.y), (other.x, other.y))
            };
            text.push_str(&format!(
                "<path class=\"{class}\" data-a={from} data-b={} d=\"{path}\" marker-end=\"url(#arrow)\"/>\n",
                call.to
            ));
        }
    }
    for placed in &layout.placed {
        match placed.thing {
            Thing::Agent(agent) => agent_box(reach, agent, placed, &mut text),
            Thing::Service(service) => service_box(reach, layout, service, placed, &red, &mut text),
            Thing::Trunk(_) => {}
        }
    }
    text.push_str("</svg></div>\n");
    text
}

/// The column in which something stands.
fn column_at(layout: &Layout, placed: &Placed) -> usize {
    let mut starts: Vec<f64> = layout.placed.iter().map(|placed| placed.x).collect();
    starts.sort_by(f64::total_cmp);
    starts.dedup();
    // Every column has something in it.
    starts.iter().position(|start| (*start - placed.x).abs() < 1.0).unwrap_or(0)
}

/// The trunk of a service, from the first column that it goes through to its box.
fn trunk<'l>(
    layout: &'l Layout,
    service: usize,
    at: &impl Fn(Thing) -> Option<&'l Placed>,
    text: &mut String,
) {
    let mut points: Vec<&Placed> =
        layout.placed.iter().filter(|placed| placed.thing == Thing::Trunk(service)).collect();
    points.extend(at(Thing::Service(service)));
    points.sort_by(|one, other| one.x.total_cmp(&other.x));
    let mut path = String::new();
    for pair in points.windows(2) {
        let [one, other] = pair else { continue };
        let is_end = matches!(other.thing, Thing::Service(_));
        let end = if is_end { other.x - 2.0 } else { other.x };
        path.push_str(&format!("M{:.1} {:.1}H{:.1}", one.x, one.y, one.x + BOX));
        path.push_str(&curve((one.x + BOX, one.y), (end, other.y)));
    }
    if !path.is_empty() {
        text.push_str(&format!(
            "<path class=trunk data-s={service} stroke=\"{}\" d=\"{path}\" marker-end=\"url(#arrow)\"/>\n",
            colour(service)
        ));
    }
}

fn agent_box(reach: &Reach<'_>, agent: usize, placed: &Placed, text: &mut String) {
    let Some(of) = reach.policy.agents.get(agent) else { return };
    let mut class = String::from("agent");
    if of.originates {
        class.push_str(" origin");
    }
    if of.revoked {
        class.push_str(" revoked");
    }
    let name = fitted(&of.name, 18);
    text.push_str(&format!(
        "<g class=\"{class}\" data-agent={agent} tabindex=0><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{BOX}\" height=\"{AGENT}\" rx=14 /><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=middle>{name}</text></g>\n",
        escape(&of.name),
        placed.x,
        placed.y - AGENT / 2.0,
        placed.x + BOX / 2.0,
        placed.y + 4.5
    ));
}

fn service_box(
    reach: &Reach<'_>,
    layout: &Layout,
    service: usize,
    placed: &Placed,
    red: &BTreeSet<(usize, usize)>,
    text: &mut String,
) {
    let Some(served) = layout.services.get(service) else { return };
    let (top, width) = (placed.y - placed.height / 2.0, BOX + 70.0);
    text.push_str(&format!(
        "<g class=service data-service={service} tabindex=0><title>{}</title><rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{width}\" height=\"{:.1}\" rx=4 stroke=\"{}\"/>",
        escape(&served.name),
        placed.x,
        placed.height,
        colour(service)
    ));
    let mut y = top + 17.0;
    text.push_str(&format!(
        "<text class=name x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
        placed.x + 10.0,
        fitted(&served.name, 28)
    ));
    for action in served.actions.iter().take(MAX_ROWS) {
        y += ROW;
        let is_red = red.iter().any(|(_, found)| found == action);
        let class = if is_red { "action red" } else { "action" };
        let name = reach.action(*action).split_once('/').map_or("?", |(_, name)| name);
        text.push_str(&format!(
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            placed.x + 18.0,
            fitted(name, 27)
        ));
    }
    if let Some(more @ 1..) = served.actions.len().checked_sub(MAX_ROWS) {
        y += ROW;
        text.push_str(&format!(
            "<text class=action x=\"{:.1}\" y=\"{y:.1}\">and {more} more</text>",
            placed.x + 18.0
        ));
    }
    text.push_str("</g>\n");
}

fn colour(service: usize) -> &'static str {
    let place = service.checked_rem(COLOURS.len()).unwrap_or(0);
    COLOURS.get(place).copied().unwrap_or("#888")
}

/// A line from left to right that leaves and arrives level.
fn curve((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let bend = (to_x - x) / 2.0;
    format!("M{x:.1} {y:.1}C{:.1} {y:.1} {:.1} {to_y:.1} {to_x:.1} {to_y:.1}", x + bend, to_x - bend)
}

/// A line from the lower edge of a box back to the lower edge of one that stands no further right.
fn back((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let half = AGENT / 2.0;
    let (from, to) = (x + BOX * 0.35, to_x + BOX * 0.65);
    let lowest = y.max(to_y) + half + 10.0;
    if (x - to_x).abs() < 1.0 {
        // In one column: around the right side.
        let side = x + BOX + 26.0;
        return format!(
            "M{0:.1} {y:.1}C{side:.1} {y:.1} {side:.1} {to_y:.1} {1:.1} {to_y:.1}",
            x + BOX,
            to_x + BOX + 2.0
        );
    }
    format!(
        "M{from:.1} {:.1}C{from:.1} {lowest:.1} {to:.1} {lowest:.1} {to:.1} {:.1}",
        y + half,
        to_y + half + 2.0
    )
}

/// What is said below a table that ends before all is told.
fn more(count: usize, shown: usize) -> String {
    match count.checked_sub(shown) {
        Some(more @ 1..) => {
            format!(
                "<p>And {more} more, which <code>ambit escalations --format json</code> and <code>ambit graph --format json</code> list.</p>\n"
            )
        }
        _ => String::new(),
    }
}

fn tables(reach: &Reach<'_>, loaded: &Loaded, paths: &[&Path], escalations: &[&Path]) -> String {
    let way = |path: &Path| {
        let places: Vec<String> = path.way.iter().map(ToString::to_string).collect();
        places.join(" ")
    };
    let row = |path: &&Path, first: &str| {
        format!(
            "<tr class=way tabindex=0 data-way=\"{}\"><td>{}<td>{}<td>{}</tr>\n",
            way(path),
            escape(first),
            escape(&reach.way(&path.way)),
            escape(&outcome(reach, path))
        )
    };
    let mut text = String::from(
        "<h2>Escalations</h2>\n<p>What a mesh that knows only who calls lets pass, and what this policy says. Choose a row to see its way.</p>\n",
    );
    text.push_str("<table><tr><th>Story<th>Way<th>Here</tr>\n");
    let first = escalations.iter().take(MAX_SHOWN);
    first.for_each(|path| text.push_str(&row(path, &story(reach, path))));
    for circle in reach.circles.iter().take(MAX_LISTED) {
        let names: Vec<&str> = circle.iter().map(|agent| reach.agent(*agent)).collect();
        let places: Vec<String> = circle.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "<tr class=way tabindex=0 data-way=\"{}\"><td>a task goes in a circle<td>{}<td>{}</tr>\n",
            places.join(" "),
            escape(&names.join(", ")),
            escape(&of_circles(reach))
        ));
    }
    for (agent, calls) in reach.floods() {
        let name = escape(&agent.name);
        text.push_str(&format!(
            "<tr><td>{name} makes {calls} calls for one root<td>{name}<td>bounded by its budget</tr>\n"
        ));
    }
    text.push_str("</table>\n");
    text.push_str(&more(reach.circles.len(), MAX_LISTED));
    let rest: Vec<&&Path> = escalations.iter().skip(MAX_SHOWN).collect();
    if !rest.is_empty() {
        let rows: String = rest.iter().take(MAX_LISTED).map(|path| row(path, &story(reach, path))).collect();
        text.push_str(&format!(
            "<details><summary>more <span>{}</span></summary><table>{rows}</table>{}</details>\n",
            rest.len(),
            more(rest.len(), MAX_LISTED)
        ));
    }
    text.push_str("<h2>What can be caused</h2>\n");
    let mut origins: Vec<usize> = paths.iter().map(|path| path.origin()).collect();
    origins.dedup();
    for origin in origins.iter().copied().take(MAX_LISTED) {
        let of_origin = paths.iter().filter(|path| path.origin() == origin && path.is_reached());
        let of_origin: Vec<&&Path> = of_origin.collect();
        let rows = of_origin.iter().take(MAX_LISTED).map(|path| row(path, reach.action(path.action)));
        text.push_str(&format!(
            "<details><summary>{} <span>{}</span></summary><table><tr><th>Action<th>Way<th>Here</tr>\n{}</table>{}</details>\n",
            escape(reach.agent(origin)),
            of_origin.len(),
            rows.collect::<String>(),
            more(of_origin.len(), MAX_LISTED)
        ));
    }
    text.push_str(&more(origins.len(), MAX_LISTED));
    text.push_str("<h2>Who calls whoever holds more</h2>\n<table><tr><th>Calls<th>More</tr>\n");
    let excess = reach.excess();
    for (from, to, actions) in excess.iter().take(MAX_LISTED) {
        text.push_str(&format!(
            "<tr class=way tabindex=0 data-way=\"{from} {to}\"><td>{} &gt; {}<td>{}</tr>\n",
            escape(reach.agent(*from)),
            escape(reach.agent(*to)),
            escape(&named(reach, actions))
        ));
    }
    text.push_str(&format!("</table>\n{}", more(excess.len(), MAX_LISTED)));
    text.push_str("<h2>Grants that nobody can use</h2>\n<table>\n");
    let unused = unused(reach, loaded);
    for (place, rule) in unused.iter().take(MAX_LISTED) {
        text.push_str(&format!("<tr><td>{}<td><code>{}</code></tr>\n", escape(place), escape(rule)));
    }
    text.push_str(&format!("</table>\n{}", more(unused.len(), MAX_LISTED)));
    if reach.left_out > 0 {
        text.push_str(&format!(
            "<p>{} longer ways were not looked at; on one of them, such a grant may be of use.</p>\n",
            reach.left_out
        ));
    }
    text
}
