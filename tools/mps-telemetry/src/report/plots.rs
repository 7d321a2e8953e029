//! The plots of an arena.

use super::{Expect, Figure, bytes, escape, seconds};
use crate::model::{Arena, Collection, GenerationId, Waits, percentile};
use crate::stream::Address;
use plotly::color::NamedColor;
use plotly::common::{
    Anchor, DashType, Fill, Font, HoverInfo, Line, LineShape, Marker, Mode, Orientation, Title,
};
use plotly::layout::{
    Annotation, Axis, AxisType, BarMode, HoverMode, Legend, Margin, ModeBar, Shape, ShapeLine,
    ShapeType,
};
use plotly::{Bar, Configuration, Layout, Plot, Scatter};
use std::collections::BTreeMap;

/// More points than this make a page slow: of more, some are left out.
const MOST: usize = 4000;
/// More bars than this can't be told apart.
const MOST_BARS: usize = 400;

const INK: &str = "#1d2733";
const GRID: &str = "#e6ebf1";
const BLUE: &str = "#2b6cb0";
const RED: &str = "#c0392b";
const GREEN: &str = "#2f855a";
const PALE: &str = "#9fb3cc";
/// Young generations are bright, the top one is dark.
const GENERATIONS: [&str; 6] = ["#f6ad55", "#ed8936", "#dd6b20", "#c05621", "#9c4221", "#7b341e"];
const TOP: &str = "#2c5282";
const REASONS: [&str; 6] = ["#2b6cb0", "#c0392b", "#2f855a", "#b7791f", "#6b46c1", "#4a5568"];

/// All that there is something to show for.
pub fn all(id: &str, a: &Arena, waits: &Waits) -> Vec<Figure> {
    [
        heap(a),
        pauses(a),
        collections(a),
        survival(a),
        minimum_utilisation(a, waits),
        utilisation(a, waits),
    ]
    .into_iter()
    .flatten()
    .map(|mut f| {
        f.id = format!("{id}-{}", f.id);
        f
    })
    .collect()
}

/// Collections by why they were.
pub fn by_reason(a: &Arena) -> Vec<(String, Vec<&Collection>)> {
    let mut all = BTreeMap::<&str, Vec<&Collection>>::new();
    for c in &a.collections {
        all.entry(&c.why).or_default().push(c);
    }
    let mut all: Vec<_> = all.into_iter().map(|(why, c)| (why.to_string(), c)).collect();
    all.sort_by_key(|(_, c)| std::cmp::Reverse(c.len()));
    all
}

fn mib(n: u64) -> f64 {
    n as f64 / (1u64 << 20) as f64
}

fn axis(title: &str) -> Axis {
    Axis::new().title(Title::with_text(title)).grid_color(GRID).zero_line(false).auto_margin(true)
}

fn layout(x: Axis, y: Axis) -> Layout {
    Layout::new()
        .font(Font::new().family("system-ui, 'Segoe UI', sans-serif").size(13).color(INK))
        .margin(Margin::new().left(70).right(20).top(30).bottom(55))
        .hover_mode(HoverMode::Closest)
        .show_legend(true)
        .mode_bar(
            ModeBar::new().background_color(NamedColor::Transparent).color(PALE).active_color(BLUE),
        )
        .legend(
            Legend::new()
                .orientation(Orientation::Horizontal)
                .y(1.0)
                .y_anchor(Anchor::Bottom)
                .x(0.0),
        )
        .paper_background_color(NamedColor::Transparent)
        .plot_background_color(NamedColor::Transparent)
        .x_axis(x)
        .y_axis(y)
}

fn plot(layout: Layout) -> Plot {
    let mut p = Plot::new();
    p.set_layout(layout);
    p.set_configuration(Configuration::new().responsive(true).display_logo(false));
    p
}

/// At most `most` of them, evenly.
fn thin<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    all.iter().step_by(all.len().div_ceil(most).max(1)).cloned().collect()
}

fn heap(a: &Arena) -> Option<Figure> {
    if a.snapshots.is_empty() {
        return None;
    }
    let shots = thin(&a.snapshots, MOST);
    let x: Vec<f64> = shots.iter().map(|s| s.at).collect();
    let mut p = plot(layout(
        axis("time (s)"),
        axis("memory (MiB)").range_mode(plotly::layout::RangeMode::ToZero),
    ));
    // A generation that never held anything to speak of only makes the legend longer.
    let least = shots.iter().map(|s| s.committed).max().unwrap_or(0) / 2000;
    let mut generations = a.generations();
    generations.retain(|g| shots.iter().any(|s| s.generations.get(g).is_some_and(|n| *n > least)));
    let mut chains: Vec<Address> = generations.iter().map(|g| g.0).filter(|c| c.0 != 0).collect();
    chains.dedup();
    let mut expect = Expect::default();
    // The old ones at the bottom: they change the least.
    for (i, g) in generations.iter().enumerate().rev() {
        let y: Vec<f64> =
            shots.iter().map(|s| mib(s.generations.get(g).copied().unwrap_or(0))).collect();
        let colour = if g.0.0 == 0 { TOP } else { GENERATIONS[i % GENERATIONS.len()] };
        p.add_trace(
            Scatter::new(x.clone(), y)
                .name(generation_name(g, &chains))
                .mode(Mode::Lines)
                .stack_group("heap")
                .line(Line::new().width(0.5).color(colour))
                .fill_color(colour)
                .hover_template("%{y:.2f} MiB at %{x:.3f} s"),
        );
        expect.fills += 1;
        expect.lines += 1;
    }
    p.add_trace(
        Scatter::new(x, shots.iter().map(|s| mib(s.committed)).collect())
            .name("committed")
            .mode(Mode::Lines)
            .line(Line::new().width(1.5).color(INK))
            .hover_template("%{y:.2f} MiB at %{x:.3f} s"),
    );
    expect.lines += 1;
    Some(Figure {
        id: "heap".into(),
        title: "Heap by generation",
        caption: "Before and after each collection, one generation on top of the other. What is committed \
                  above them is manual pools, the library's own structures, and spare memory."
            .into(),
        plot: p,
        expect,
    })
}

fn generation_name(g: &GenerationId, chains: &[Address]) -> String {
    match (g.0.0, chains.iter().position(|c| *c == g.0)) {
        (0, _) => "top generation".to_string(),
        (_, Some(c)) if chains.len() > 1 => format!("chain {}, generation {}", c + 1, g.1),
        _ => format!("generation {}", g.1),
    }
}

/// Bars in a factor of ten.
const PER_DECADE: f64 = 5.0;

fn pauses(a: &Arena) -> Option<Figure> {
    let sorted = a.sorted_pauses();
    let (shortest, longest) = (*sorted.first()?, *sorted.last()?);
    // What is shorter than the clock can tell is as long as that.
    let floor = |s: f64| s.max(1e-7);
    let place = |s: f64| floor(s).log10() * PER_DECADE;
    let bin = |s: f64| place(s).floor() as i64;
    let mut counts = [BTreeMap::<i64, usize>::new(), BTreeMap::new()];
    for pause in &a.pauses {
        let which = &mut counts[usize::from(!pause.is_step())];
        *which.entry(bin(pause.seconds())).or_default() += 1;
    }
    let (first, last) = (bin(shortest), bin(longest));
    let decades =
        (first as f64 / PER_DECADE).floor() as i32..=(last as f64 / PER_DECADE).floor() as i32 + 1;
    let (ticks, texts): (Vec<f64>, Vec<String>) = decades
        .map(|d| {
            (f64::from(d) * PER_DECADE, seconds(10f64.powi(d)).replace(".00", "").replace(".0", ""))
        })
        .unzip();
    let x = axis("length of the pause")
        .tick_values(ticks)
        .tick_text(texts)
        .range(vec![first as f64 - 0.5, last as f64 + 1.5]);
    let most = counts.iter().flat_map(BTreeMap::values).max().copied().unwrap_or(1);
    // From below 1, so that a single pause can be seen.
    let y = axis("pauses")
        .type_(AxisType::Log)
        .range(vec![-0.4, ((most as f64).log10() * 1.12 + 0.35).max(1.15)])
        .dtick(1.0)
        .grid_color(GRID);
    let mut layout = layout(x, y).bar_mode(BarMode::Group).bar_gap(0.12);
    let mut shapes = Vec::new();
    let marks = [("50 %", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("longest", 1.0)];
    for (i, (name, q)) in marks.into_iter().enumerate() {
        let at = place(percentile(&sorted, q)?);
        shapes.push(
            Shape::new()
                .shape_type(ShapeType::Line)
                .x_ref("x")
                .y_ref("paper")
                .x0(at)
                .x1(at)
                .y0(0.0)
                .y1(1.0)
                .line(ShapeLine::new().color(INK).width(1.0).dash(DashType::Dot)),
        );
        layout.add_annotation(
            Annotation::new()
                .text(name)
                .x_ref("x")
                .x(at)
                .y_ref("paper")
                // Those close to each other are not to hide each other.
                .y(0.98 - 0.075 * i as f64)
                .x_anchor(if i == 3 { Anchor::Right } else { Anchor::Left })
                .show_arrow(false)
                .font(Font::new().size(12).color(INK))
                .background_color("rgba(255,255,255,0.7)"),
        );
    }
    let mut p = plot(layout.shapes(shapes));
    let mut expect = Expect::default();
    for (which, name, colour) in
        [(0, "with collection steps", BLUE), (1, "barrier hits alone", RED)]
    {
        let all = &counts[which];
        if all.is_empty() {
            continue;
        }
        let edge = |b: i64| seconds(10f64.powf(b as f64 / PER_DECADE));
        let x: Vec<f64> = all.keys().map(|b| *b as f64 + 0.5).collect();
        let y: Vec<usize> = all.values().copied().collect();
        let text: Vec<String> = all
            .iter()
            .map(|(b, n)| format!("{n} pauses of {} to {}", edge(*b), edge(b + 1)))
            .collect();
        expect.bars += x.len();
        p.add_trace(
            Bar::new(x, y)
                .name(name)
                .marker(Marker::new().color(colour))
                .hover_text_array(text)
                .hover_info(HoverInfo::Text),
        );
    }
    Some(Figure {
        id: "pauses".into(),
        title: "Pauses",
        caption: format!(
            "How often the program waited for the collector, by how long. Both scales are logarithmic. \
             Shortest {}, longest {}.",
            seconds(shortest),
            seconds(longest)
        ),
        plot: p,
        expect,
    })
}

fn collections(a: &Arena) -> Option<Figure> {
    if a.collections.is_empty() {
        return None;
    }
    let mut p = plot(layout(
        axis("time (s)"),
        axis("work (ms)").range_mode(plotly::layout::RangeMode::ToZero),
    ));
    let mut expect = Expect::default();
    let reasons = by_reason(a);
    for (i, (why, all)) in reasons.iter().enumerate() {
        let all = thin(all, MOST / reasons.len().max(1) + 1);
        let text: Vec<String> = all
            .iter()
            .map(|c| {
                format!(
                    "{}<br>{}: {} of work in {} steps<br>condemned {}, survived {}, moved {}{}",
                    escape(why),
                    if c.full { "everything" } else { "some generations" },
                    seconds(c.work),
                    c.steps,
                    bytes(c.condemned),
                    bytes(c.live),
                    bytes(c.moved),
                    if c.end.is_some() { "" } else { "<br>not finished" }
                )
            })
            .collect();
        expect.points += all.len();
        p.add_trace(
            Scatter::new(
                all.iter().map(|c| c.start).collect::<Vec<_>>(),
                all.iter().map(|c| c.work * 1e3).collect(),
            )
            .name(escape(why))
            .mode(Mode::Markers)
            .marker(Marker::new().size(8).opacity(0.75).color(REASONS[i % REASONS.len()]))
            .hover_text_array(text)
            .hover_info(HoverInfo::Text),
        );
    }
    Some(Figure {
        id: "collections".into(),
        title: "Collections and why",
        caption: "Each point is a collection: when it began, and the time that all its steps took together.".into(),
        plot: p,
        expect,
    })
}

fn survival(a: &Arena) -> Option<Figure> {
    if a.collections.is_empty() {
        return None;
    }
    let mut p = plot(
        layout(
            axis("collection"),
            axis("memory (MiB)").range_mode(plotly::layout::RangeMode::ToZero),
        )
        .bar_mode(BarMode::Overlay)
        .bar_gap(0.15),
    );
    let mut expect = Expect::default();
    let numbered: Vec<(usize, &Collection)> = a.collections.iter().enumerate().collect();
    let few = numbered.len() <= MOST_BARS;
    let tallest = a.collections.iter().map(|c| c.condemned.max(c.live)).max().unwrap_or(0);
    let shown = thin(&numbered, MOST);
    type Get = fn(&Collection) -> u64;
    let series: [(&str, &str, Get); 3] = [
        ("condemned", PALE, |c| c.condemned),
        ("survived", BLUE, |c| c.live),
        ("moved", "#d69e2e", |c| c.moved),
    ];
    for (name, colour, get) in series {
        let marks = name == "moved";
        // A bar that is less than a fraction of a pixel high is no bar.
        let some: Vec<_> =
            shown.iter().filter(|(_, c)| marks || !few || get(c) > tallest / 1000).collect();
        let x: Vec<usize> = some.iter().map(|(i, _)| i + 1).collect();
        let y: Vec<f64> = some.iter().map(|(_, c)| mib(get(c))).collect();
        if x.is_empty() {
            continue;
        }
        let hover = format!("{name} %{{y:.3f}} MiB<extra>collection %{{x}}</extra>");
        if few && !marks {
            expect.bars += x.len();
            p.add_trace(
                Bar::new(x, y).name(name).marker(Marker::new().color(colour)).hover_template(hover),
            );
        } else if few {
            expect.points += x.len();
            let marker =
                Marker::new().color(colour).size(7).line(Line::new().width(1.0).color("#ffffff"));
            p.add_trace(
                Scatter::new(x, y)
                    .name(name)
                    .mode(Mode::Markers)
                    .marker(marker)
                    .hover_template(hover),
            );
        } else {
            expect.lines += 1;
            p.add_trace(
                Scatter::new(x, y)
                    .name(name)
                    .mode(Mode::Lines)
                    .line(Line::new().width(1.2).color(colour))
                    .hover_template(hover),
            );
        }
    }
    Some(Figure {
        id: "survival".into(),
        title: "Condemned and survived",
        caption: "For each collection, what was put at stake, how much of it was still in use, and how much was \
                  moved to another place."
            .into(),
        plot: p,
        expect,
    })
}

fn minimum_utilisation(a: &Arena, waits: &Waits) -> Option<Figure> {
    let span = a.to - a.from;
    if a.pauses.is_empty() || span <= 0.0 {
        return None;
    }
    const POINTS: i32 = 80;
    let shortest = (span / 10.0).min(1e-4);
    let x: Vec<f64> = (0..=POINTS)
        .map(|i| shortest * (span / shortest).powf(f64::from(i) / f64::from(POINTS)))
        .collect();
    let mmu: Vec<f64> =
        x.iter().map(|w| 100.0 * waits.minimum_utilisation(*w, a.from, a.to)).collect();
    let share = 100.0 * (1.0 - waits.between(a.from, a.to) / span);
    let mut p = plot(layout(
        axis("window (ms)").type_(AxisType::Log).dtick(1.0),
        axis("program's share (%)").range(vec![-3.0, 104.0]),
    ));
    p.add_trace(
        Scatter::new(x.iter().map(|w| w * 1e3).collect::<Vec<_>>(), mmu)
            .name("worst window")
            .mode(Mode::Lines)
            .line(Line::new().width(2.0).color(BLUE))
            .hover_template("%{y:.1f} % of the worst %{x:.3f} ms"),
    );
    p.add_trace(
        Scatter::new(vec![shortest * 1e3, span * 1e3], vec![share, share])
            .name("on the whole")
            .mode(Mode::Lines)
            .line(Line::new().width(1.5).color(GREEN).dash(DashType::Dash))
            .hover_template("%{y:.1f} %"),
    );
    Some(Figure {
        id: "mmu".into(),
        title: "Minimum mutator utilisation",
        caption: "Of all windows of a length, the share of the clock that was left for the program in the worst. \
                  As long as the curve is at 0, there is a window with nothing but pauses."
            .into(),
        plot: p,
        expect: Expect { lines: 2, ..Expect::default() },
    })
}

fn utilisation(a: &Arena, waits: &Waits) -> Option<Figure> {
    let span = a.to - a.from;
    if a.pauses.is_empty() || span <= 0.0 {
        return None;
    }
    const WINDOWS: u32 = 100;
    let w = span / f64::from(WINDOWS);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for i in 0..WINDOWS {
        let from = a.from + w * f64::from(i);
        x.push(from);
        y.push((100.0 * (1.0 - waits.between(from, from + w) / w)).clamp(0.0, 100.0));
    }
    x.push(a.to);
    y.push(y.last().copied().unwrap_or(100.0));
    let mut p = plot(layout(axis("time (s)"), axis("program's share (%)").range(vec![0.0, 104.0])));
    p.add_trace(
        Scatter::new(x, y)
            .name("utilisation")
            .mode(Mode::Lines)
            .fill(Fill::ToZeroY)
            .fill_color("rgba(47,133,90,0.25)")
            .line(Line::new().width(1.5).color(GREEN).shape(LineShape::Hv))
            .hover_template("%{y:.1f} % from %{x:.3f} s<extra></extra>"),
    );
    Some(Figure {
        id: "utilisation".into(),
        title: "Mutator utilisation over time",
        caption: format!(
            "The share of the clock that was left for the program, in {WINDOWS} windows of {}.",
            seconds(w)
        ),
        plot: p,
        expect: Expect { lines: 1, fills: 1, ..Expect::default() },
    })
}
