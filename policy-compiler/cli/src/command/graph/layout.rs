//! Where things stand in the picture: agents in columns by how far they are from where work begins, services in the last
//! column, and for each service one trunk that the lines of all its callers join, so that no line crosses a box.

use std::collections::{BTreeSet, VecDeque};

use crate::reach::Reach;

/// A column's width, with the room before the next.
pub(super) const COLUMN: f64 = 204.0;
/// The width of a box.
pub(super) const BOX: f64 = 136.0;
/// The height of a line of text in a box.
pub(super) const ROW: f64 = 18.0;
/// The height of an agent.
pub(super) const AGENT: f64 = 28.0;
/// The room between two things in a column.
const GAP: f64 = 14.0;
/// The room that a trunk takes in a column.
const TRUNK: f64 = 5.0;
/// The room around the picture.
const MARGIN: f64 = 24.0;
/// How often the order within columns is made better.
const SWEEPS: usize = 24;
/// The most actions of a service that are listed in its box.
pub(super) const MAX_ROWS: usize = 8;

/// Something in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Agent(usize),
    Service(usize),
    /// Where the trunk of a service goes through the column.
    Trunk(usize),
}

/// A thing and where it stands: the left end of its middle line, and its height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) thing: Thing,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) height: f64,
}

/// What is in a picture.
pub(super) struct Drawn {
    pub(super) agents: BTreeSet<usize>,
    pub(super) actions: BTreeSet<usize>,
}

impl Drawn {
    /// Calls between agents of the picture.
    fn calls(&self, reach: &Reach<'_>) -> impl Iterator<Item = (usize, usize)> {
        let calls =
            |from: usize| reach.calls.get(from).into_iter().flatten().map(move |call| (from, call.to));
        self.agents.iter().flat_map(move |from| calls(*from)).filter(|(_, to)| self.agents.contains(to))
    }
}

/// A picture.
pub(super) struct Layout {
    pub(super) placed: Vec<Placed>,
    /// By agent, its column.
    pub(super) column_of: Vec<usize>,
    /// Services that are no agent's door, with the actions that someone may do.
    pub(super) services: Vec<Served>,
    pub(super) uses: Vec<Use>,
    pub(super) columns: usize,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An agent, a service that it uses, and by which actions.
pub(super) type Use = (usize, usize, Vec<usize>);

/// A service and what is asked of it.
pub(super) struct Served {
    pub(super) name: String,
    pub(super) actions: Vec<usize>,
}

impl Layout {
    /// The picture of some agents and actions.
    pub(super) fn of(reach: &Reach<'_>, drawn: &Drawn) -> Self {
        let column_of = columns(reach, drawn);
        let (services, uses) = services(reach, drawn);
        let last = drawn.agents.iter().filter_map(|agent| column_of.get(*agent).copied()).max();
        let last = last.unwrap_or(0).saturating_add(1);
        let mut columns: Vec<Vec<Thing>> = vec![Vec::new(); last.saturating_add(1)];
        for (agent, column) in column_of.iter().enumerate().filter(|(agent, _)| drawn.agents.contains(agent))
        {
            if let Some(things) = columns.get_mut(*column) {
                things.push(Thing::Agent(agent));
            }
        }
        for service in 0..services.len() {
            let first = uses
                .iter()
                .filter(|(_, used, _)| *used == service)
                .filter_map(|(agent, ..)| column_of.get(*agent).copied())
                .min()
                .unwrap_or(last);
            for things in columns.iter_mut().take(last).skip(first.saturating_add(1)) {
                things.push(Thing::Trunk(service));
            }
            if let Some(things) = columns.get_mut(last) {
                things.push(Thing::Service(service));
            }
        }
        let links = links(reach, drawn, &column_of, &uses, &columns);
        order(&mut columns, &links);
        let mut layout = Self {
            placed: Vec::new(),
            column_of,
            services,
            uses,
            columns: columns.len(),
            width: 0.0,
            height: 0.0,
        };
        layout.place(&columns, &links);
        layout
    }

    fn height_of(&self, thing: Thing) -> f64 {
        match thing {
            Thing::Agent(_) => AGENT,
            Thing::Trunk(_) => TRUNK,
            Thing::Service(service) => {
                let count = self.services.get(service).map_or(0, |service| service.actions.len());
                let rows = count.min(MAX_ROWS.saturating_add(1)).saturating_add(1);
                ROW * float(rows) + 10.0
            }
        }
    }

    /// Puts every column around the middle, and then draws things towards what they are linked with.
    fn place(&mut self, columns: &[Vec<Thing>], links: &[(Thing, Thing)]) {
        let total =
            |things: &[Thing]| things.iter().map(|thing| self.height_of(*thing) + GAP).sum::<f64>() - GAP;
        let height = columns.iter().map(|things| total(things)).fold(0.0, f64::max);
        let mut ys: Vec<Vec<f64>> = Vec::new();
        for things in columns {
            let mut top = (height - total(things)) / 2.0;
            let mut of_column = Vec::new();
            for thing in things {
                let own = self.height_of(*thing);
                of_column.push(top + own / 2.0);
                top += own + GAP;
            }
            ys.push(of_column);
        }
        for _ in 0..SWEEPS {
            self.draw_together(columns, links, &mut ys, height);
        }
        // Services fill their column; the agents are put beside its middle.
        let agents = ys.get(..ys.len().saturating_sub(1)).unwrap_or_default().iter().flatten();
        let (least, most) = agents.fold((height, 0.0_f64), |(least, most), y| (y.min(least), y.max(most)));
        let shift = if most > least { (height - most - least) / 2.0 } else { 0.0 };
        let last = columns.len().saturating_sub(1);
        for (number, (things, ys)) in columns.iter().zip(&ys).enumerate() {
            let shift = if number < last { shift } else { 0.0 };
            for (thing, y) in things.iter().zip(ys) {
                self.placed.push(Placed {
                    thing: *thing,
                    x: MARGIN + COLUMN * float(number),
                    y: MARGIN + y + shift,
                    height: self.height_of(*thing),
                });
            }
        }
        self.width = MARGIN * 2.0 + COLUMN * float(columns.len().saturating_sub(1)) + BOX + 90.0;
        self.height = MARGIN * 2.0 + height;
    }

    /// Moves each thing to the mean of its neighbours, as far as the order in its column and the room allow.
    fn draw_together(
        &self,
        columns: &[Vec<Thing>],
        links: &[(Thing, Thing)],
        ys: &mut [Vec<f64>],
        height: f64,
    ) {
        let former = ys.to_vec();
        let y_of = |wanted: Thing| {
            columns.iter().zip(&former).find_map(|(things, ys)| {
                let place = things.iter().position(|thing| *thing == wanted)?;
                ys.get(place).copied()
            })
        };
        for (things, ys) in columns.iter().zip(ys.iter_mut()) {
            let wanted: Vec<f64> = things
                .iter()
                .zip(ys.iter())
                .map(|(thing, own)| {
                    let near: Vec<f64> = links
                        .iter()
                        .filter_map(|(one, other)| {
                            let other = if one == thing {
                                *other
                            } else if other == thing {
                                *one
                            } else {
                                return None;
                            };
                            y_of(other)
                        })
                        .collect();
                    if near.is_empty() { *own } else { near.iter().sum::<f64>() / float(near.len()) }
                })
                .collect();
            let heights: Vec<f64> = things.iter().map(|thing| self.height_of(*thing)).collect();
            settle(&wanted, &heights, ys, height);
        }
    }
}

/// Puts things where they are wanted, in their order and without overlaps, between 0 and `height`: half way between
/// pushing them down from above and up from below, which keeps the room between two of them.
fn settle(wanted: &[f64], heights: &[f64], ys: &mut [f64], height: f64) {
    let mut top = 0.0;
    let mut down = Vec::with_capacity(ys.len());
    for (wanted, own) in wanted.iter().zip(heights) {
        let y = wanted.max(top + own / 2.0);
        down.push(y);
        top = y + own / 2.0 + GAP;
    }
    let mut bottom = height;
    let mut up = Vec::with_capacity(ys.len());
    for (wanted, own) in wanted.iter().zip(heights).rev() {
        let y = wanted.min(bottom - own / 2.0);
        up.push(y);
        bottom = y - own / 2.0 - GAP;
    }
    let mut middle: Vec<f64> = down.iter().zip(up.iter().rev()).map(|(down, up)| (down + up) / 2.0).collect();
    let mut bottom = height;
    for (y, own) in middle.iter_mut().zip(heights).rev() {
        *y = y.min(bottom - own / 2.0);
        bottom = *y - own / 2.0 - GAP;
    }
    let mut top = 0.0;
    for ((place, y), own) in ys.iter_mut().zip(middle).zip(heights) {
        *place = y.max(top + own / 2.0);
        top = *place + own / 2.0 + GAP;
    }
}

/// How far each agent is from where work begins.
fn columns(reach: &Reach<'_>, drawn: &Drawn) -> Vec<usize> {
    let count = reach.policy.agents.len();
    let called: BTreeSet<usize> =
        drawn.calls(reach).filter(|(from, to)| from != to).map(|(_, to)| to).collect();
    let is_called = |agent: usize| called.contains(&agent);
    let mut distance: Vec<Option<usize>> = vec![None; count];
    let mut waiting = VecDeque::new();
    let uncalled: Vec<usize> = (0..count).filter(|agent| !is_called(*agent)).collect();
    let beginning =
        (0..count).filter(|agent| reach.policy.agents.get(*agent).is_some_and(|agent| agent.originates));
    // Whoever is in a circle that nobody from outside calls begins it, if he may.
    for start in uncalled.into_iter().chain(beginning).chain(0..count) {
        if distance.get(start).copied().flatten().is_some() {
            continue;
        }
        let mut set = |agent: usize, column: usize| match distance.get_mut(agent) {
            Some(slot @ None) => {
                *slot = Some(column);
                true
            }
            _ => false,
        };
        if set(start, 0) {
            waiting.push_back((start, 0_usize));
        }
        while let Some((agent, column)) = waiting.pop_front() {
            let next = column.saturating_add(1);
            if !drawn.agents.contains(&agent) {
                continue;
            }
            for call in reach.calls.get(agent).into_iter().flatten() {
                if drawn.agents.contains(&call.to) && set(call.to, next) {
                    waiting.push_back((call.to, next));
                }
            }
        }
    }
    distance.into_iter().map(Option::unwrap_or_default).collect()
}

/// Services that are no agent's door, and who asks what of them.
fn services(reach: &Reach<'_>, drawn: &Drawn) -> (Vec<Served>, Vec<Use>) {
    let doors: BTreeSet<usize> =
        reach.calls.iter().flatten().flat_map(|call| call.by.iter().copied()).collect();
    let mut services: Vec<Served> = Vec::new();
    let mut uses: Vec<Use> = Vec::new();
    for (agent, actions) in reach.direct.iter().enumerate().filter(|(agent, _)| drawn.agents.contains(agent))
    {
        let shown = |action: &&usize| drawn.actions.contains(action) && !doors.contains(action);
        for action in actions.iter().filter(shown) {
            let name = reach.action(*action).split('/').next().unwrap_or_default();
            let place = services.iter().position(|service| service.name == name).unwrap_or_else(|| {
                services.push(Served { name: name.to_owned(), actions: Vec::new() });
                services.len().saturating_sub(1)
            });
            if let Some(service) = services.get_mut(place)
                && !service.actions.contains(action)
            {
                service.actions.push(*action);
            }
            match uses.iter_mut().find(|(user, used, _)| (*user, *used) == (agent, place)) {
                Some((.., actions)) => actions.push(*action),
                None => uses.push((agent, place, vec![*action])),
            }
        }
    }
    (services, uses)
}

/// What is joined by a line.
fn links(
    reach: &Reach<'_>,
    drawn: &Drawn,
    column_of: &[usize],
    uses: &[Use],
    columns: &[Vec<Thing>],
) -> Vec<(Thing, Thing)> {
    let calls = drawn.calls(reach).map(|(from, to)| (Thing::Agent(from), Thing::Agent(to)));
    let mut links: Vec<(Thing, Thing)> = calls.collect();
    for (agent, service, _) in uses {
        let next = column_of.get(*agent).copied().unwrap_or(0).saturating_add(1);
        let is_last = next.saturating_add(1) >= columns.len();
        let to = if is_last { Thing::Service(*service) } else { Thing::Trunk(*service) };
        links.push((Thing::Agent(*agent), to));
    }
    links
}

/// Orders each column so that fewer lines cross: by the mean place of what each thing is linked with, again and again.
fn order(columns: &mut [Vec<Thing>], links: &[(Thing, Thing)]) {
    for _ in 0..SWEEPS {
        for column in 0..columns.len() {
            let place_of = |wanted: Thing| {
                columns.iter().find_map(|things| {
                    let place = things.iter().position(|thing| *thing == wanted)?;
                    Some((float(place) + 0.5) / float(things.len()))
                })
            };
            let same_trunk = |thing: Thing| match thing {
                Thing::Trunk(service) | Thing::Service(service) => {
                    // A trunk goes straight on where it can.
                    let near = columns.iter().enumerate().filter(|(other, _)| other.abs_diff(column) == 1);
                    let places = near.filter_map(|(_, things)| {
                        let place = things.iter().position(|other| {
                            *other == Thing::Trunk(service) || *other == Thing::Service(service)
                        })?;
                        Some((float(place) + 0.5) / float(things.len()))
                    });
                    places.collect()
                }
                Thing::Agent(_) => Vec::new(),
            };
            let Some(things) = columns.get(column) else { continue };
            let mut keyed: Vec<(f64, Thing)> = things
                .iter()
                .enumerate()
                .map(|(place, thing)| {
                    let linked = links.iter().filter_map(|(one, other)| {
                        if one == thing {
                            place_of(*other)
                        } else if other == thing {
                            place_of(*one)
                        } else {
                            None
                        }
                    });
                    let near: Vec<f64> = linked.chain(same_trunk(*thing)).collect();
                    let own = (float(place) + 0.5) / float(things.len());
                    let mean =
                        if near.is_empty() { own } else { near.iter().sum::<f64>() / float(near.len()) };
                    (mean, *thing)
                })
                .collect();
            keyed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            if let Some(things) = columns.get_mut(column) {
                *things = keyed.into_iter().map(|(_, thing)| thing).collect();
            }
        }
    }
}

/// A count as a length.
pub(super) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
