//! Heap snapshots (`mps_x_heap_snapshot`): what keeps an object alive, what takes the memory,
//! and between the first and the last of them, what has grown.
//!
//! Dominators are petgraph's (Cooper, Harvey and Kennedy's algorithm). An object's *retained*
//! size is that of all that would be dead without it.

use crate::Input;
use crate::report::{LICENCE, STYLE, bytes, count, escape, in_script, plotly_script};
use crate::stream::{Address, Event, Stream};
use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{DfsPostOrder, EdgeRef};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{Error, Result, Write};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Text,
    Json,
    Html,
}

/// References of this rank keep nothing alive.
const WEAK: u64 = 3;
/// The root of what is registered for finalization.
const FINALIZATION: Address = Address(0);
/// The treemap goes down so far, and leaves out what is less than this part of all.
const DEPTH: usize = 6;
const LEAST_PART: u64 = 1000;

/// An address as people write it.
pub fn address(s: &str) -> std::result::Result<Address, String> {
    let digits = s.strip_prefix("0x").unwrap_or(s);
    u64::from_str_radix(digits, 16).map(Address).map_err(|e| e.to_string())
}

struct Object {
    address: Address,
    size: u64,
    pool: Address,
    generation: u64,
    rank: u64,
    refs: Vec<Address>,
}

struct Root {
    address: Address,
    kind: String,
    rank: u64,
    refs: Vec<Address>,
}

#[derive(Default)]
struct Pool {
    class: String,
    format: Address,
    bytes: u64,
    free: u64,
}

/// One snapshot.
struct Heap {
    name: String,
    pools: BTreeMap<Address, Pool>,
    /// By address.
    objects: Vec<Object>,
    roots: Vec<Root>,
    labels: HashMap<Address, String>,
}

impl Heap {
    /// The complete snapshots of a stream.
    fn all(name: &str, stream: &Stream) -> Vec<Heap> {
        let mut done = Vec::new();
        let mut texts = HashMap::new();
        let mut labels: HashMap<Address, String> = HashMap::new();
        let mut now: Option<Heap> = None;
        let mut in_root = false;
        for e in &stream.events {
            match (&e.event, &mut now) {
                (Event::Intern { label, text }, _) => {
                    texts.insert(*label, text.clone());
                }
                (Event::Label { address, label }, _) => {
                    let text =
                        texts.get(label).cloned().unwrap_or_else(|| format!("label {label}"));
                    labels.insert(*address, text);
                }
                (Event::HeapBegin { .. }, _) => {
                    now = Some(Heap {
                        name: format!("{name}, at {:.3} s", stream.seconds(e.clock)),
                        pools: BTreeMap::new(),
                        objects: Vec::new(),
                        roots: Vec::new(),
                        labels: labels.clone(),
                    });
                }
                (Event::HeapPool { pool, format, bytes, free, class }, Some(h)) => {
                    let (class, bytes, free) = (class.clone(), *bytes, *free);
                    h.pools.insert(*pool, Pool { class, format: *format, bytes, free });
                }
                (Event::HeapObject { pool, address, size, generation }, Some(h)) => {
                    in_root = false;
                    h.objects.push(Object {
                        address: *address,
                        size: *size,
                        pool: *pool,
                        generation: *generation,
                        rank: 1,
                        refs: Vec::new(),
                    });
                }
                (Event::HeapRoot { root, rank, kind }, Some(h)) => {
                    in_root = true;
                    let (address, rank, kind) = (*root, *rank, kind.clone());
                    h.roots.push(Root { address, kind, rank, refs: Vec::new() });
                }
                (Event::HeapRefs { rank, distances }, Some(h)) => {
                    let (from, refs) = match (in_root, h.roots.last_mut(), h.objects.last_mut()) {
                        (true, Some(r), _) => (0, &mut r.refs),
                        (false, _, Some(o)) => {
                            o.rank = *rank;
                            (o.address.0, &mut o.refs)
                        }
                        _ => continue,
                    };
                    refs.extend(distances.iter().map(|d| Address(from.wrapping_add_signed(*d))));
                }
                (Event::HeapEnd { .. }, _) => {
                    if let Some(mut h) = now.take() {
                        h.objects.sort_by_key(|o| o.address);
                        done.push(h);
                    }
                }
                _ => {}
            }
        }
        done
    }

    /// The object that an address lies in.
    fn object_at(&self, a: Address) -> Option<usize> {
        let i = self.objects.partition_point(|o| o.address <= a).checked_sub(1)?;
        let o = self.objects.get(i)?;
        (a.0 - o.address.0 < o.size.max(1)).then_some(i)
    }

    /// What an object is counted as: by its own label, its format's, its pool's, or its pool.
    fn group(&self, o: &Object) -> String {
        let format = self.pools.get(&o.pool).map(|p| p.format);
        let label = [Some(o.address), format, Some(o.pool)];
        let found = label.into_iter().flatten().find_map(|a| self.labels.get(&a));
        found.cloned().unwrap_or_else(|| self.pool_name(o.pool))
    }

    fn pool_name(&self, pool: Address) -> String {
        let class = self.pools.get(&pool).map_or("?", |p| p.class.as_str());
        match self.labels.get(&pool) {
            Some(label) => format!("{class} {label}"),
            None => format!("{class} {pool}"),
        }
    }

    fn object_name(&self, i: usize) -> String {
        let Some(o) = self.objects.get(i) else { return String::new() };
        format!("{} {}", self.group(o), o.address)
    }

    fn root_name(&self, i: usize) -> String {
        let Some(r) = self.roots.get(i) else { return String::new() };
        if r.address == FINALIZATION {
            return "finalization".to_string();
        }
        let label = self.labels.get(&r.address).map(|l| format!(" {l}")).unwrap_or_default();
        format!("root {}{label} ({})", r.address, r.kind)
    }
}

/// The objects in reach of the roots, as a graph: node 0 for all roots together, then the
/// roots, then the objects.
struct Reach<'a> {
    heap: &'a Heap,
    graph: DiGraph<(), ()>,
    /// Of each node: what it retains; 0 if it is out of reach.
    retained: Vec<u64>,
    /// Of each node: the one that dominates it.
    above: Vec<Option<NodeIndex>>,
    /// Bytes out of reach, but waiting to be finalized; out of reach at all.
    finalizing: u64,
    dead: u64,
}

impl<'a> Reach<'a> {
    fn of(heap: &'a Heap) -> Reach<'a> {
        let (roots, objects) = (heap.roots.len(), heap.objects.len());
        let refs = heap.objects.iter().map(|o| o.refs.len()).sum::<usize>();
        let mut graph = DiGraph::<(), ()>::with_capacity(1 + roots + objects, refs);
        for _ in 0..1 + roots + objects {
            graph.add_node(());
        }
        let top = NodeIndex::new(0);
        let node = |i: usize| NodeIndex::new(1 + roots + i);
        for (i, r) in heap.roots.iter().enumerate() {
            let from = NodeIndex::new(1 + i);
            if r.address != FINALIZATION && r.rank != WEAK {
                graph.add_edge(top, from, ());
            }
            for to in r.refs.iter().filter_map(|a| heap.object_at(*a)) {
                graph.add_edge(from, node(to), ());
            }
        }
        for (i, o) in heap.objects.iter().enumerate().filter(|(_, o)| o.rank != WEAK) {
            for to in o.refs.iter().filter_map(|a| heap.object_at(*a)) {
                graph.add_edge(node(i), node(to), ());
            }
        }
        let dominators = simple_fast(&graph, top);
        let mut above = vec![None; graph.node_count()];
        let mut retained = vec![0; graph.node_count()];
        // Below comes before above.
        let mut order = DfsPostOrder::new(&graph, top);
        while let Some(n) = order.next(&graph) {
            let own = n.index().checked_sub(1 + roots).and_then(|i| heap.objects.get(i));
            let sum = retained[n.index()] + own.map_or(0, |o| o.size);
            retained[n.index()] = sum;
            if let Some(d) = dominators.immediate_dominator(n) {
                above[n.index()] = Some(d);
                retained[d.index()] += sum;
            }
        }
        let reached = |i: usize| above.get(1 + roots + i).is_some_and(Option::is_some);
        let mut waiting = vec![false; objects];
        for (i, _) in heap.roots.iter().enumerate().filter(|(_, r)| r.address == FINALIZATION) {
            let mut from = DfsPostOrder::new(&graph, NodeIndex::new(1 + i));
            while let Some(n) = from.next(&graph) {
                if let Some(w) = n.index().checked_sub(1 + roots).and_then(|i| waiting.get_mut(i)) {
                    *w = true;
                }
            }
        }
        let out = || heap.objects.iter().enumerate().filter(|(i, _)| !reached(*i));
        let size =
            |w: bool| out().filter(|(i, _)| waiting.get(*i) == Some(&w)).map(|(_, o)| o.size).sum();
        let (finalizing, dead) = (size(true), size(false));
        Reach { heap, graph, retained, above, finalizing, dead }
    }

    fn name(&self, n: NodeIndex) -> String {
        let roots = self.heap.roots.len();
        match n.index() {
            0 => "all".to_string(),
            i if i <= roots => self.heap.root_name(i - 1),
            i => self.heap.object_name(i - 1 - roots),
        }
    }

    /// The nodes that retain most, roots and objects, each with how much.
    fn largest(&self, n: usize) -> Vec<(NodeIndex, u64)> {
        let mut all: Vec<_> = (1..self.graph.node_count())
            .filter(|i| self.retained[*i] != 0)
            .map(|i| (NodeIndex::new(i), self.retained[i]))
            .collect();
        all.sort_by_key(|(i, size)| (std::cmp::Reverse(*size), *i));
        all.truncate(n);
        all
    }

    /// The shortest way from a root to an object.
    fn path(&self, to: usize) -> Option<Vec<NodeIndex>> {
        let goal = NodeIndex::new(1 + self.heap.roots.len() + to);
        let mut came: Vec<Option<NodeIndex>> = vec![None; self.graph.node_count()];
        let mut queue = VecDeque::from([NodeIndex::new(0)]);
        while let Some(n) = queue.pop_front() {
            if n == goal {
                let mut way = vec![n];
                while let Some(from) = way.last().and_then(|n| came[n.index()]) {
                    way.push(from);
                }
                way.pop(); // node 0
                way.reverse();
                return Some(way);
            }
            for e in self.graph.edges(n) {
                let next = e.target();
                if next.index() != 0 && came[next.index()].is_none() {
                    came[next.index()] = Some(n);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Bytes and objects by group, and bytes in use by pool.
#[derive(Default, Serialize)]
struct Group {
    objects: u64,
    bytes: u64,
    before_objects: u64,
    before_bytes: u64,
}

impl Group {
    fn growth(&self) -> i128 {
        i128::from(self.bytes) - i128::from(self.before_bytes)
    }
}

#[derive(Serialize)]
struct Retains {
    name: String,
    bytes: u64,
}

#[derive(Serialize)]
struct Summary {
    first: String,
    last: String,
    objects: u64,
    bytes: u64,
    finalizing: u64,
    dead: u64,
    groups: BTreeMap<String, Group>,
    pools: BTreeMap<String, Group>,
    generations: BTreeMap<u64, u64>,
    largest: Vec<Retains>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<String>>,
}

fn summary(first: &Heap, reach: &Reach, top: usize, path: Option<Address>) -> Result<Summary> {
    let last = reach.heap;
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut pools: BTreeMap<String, Group> = BTreeMap::new();
    for o in &last.objects {
        let g = groups.entry(last.group(o)).or_default();
        g.objects += 1;
        g.bytes += o.size;
        pools.entry(last.pool_name(o.pool)).or_default().objects += 1;
    }
    for o in &first.objects {
        let g = groups.entry(first.group(o)).or_default();
        g.before_objects += 1;
        g.before_bytes += o.size;
        pools.entry(first.pool_name(o.pool)).or_default().before_objects += 1;
    }
    for (a, p) in &last.pools {
        pools.entry(last.pool_name(*a)).or_default().bytes += p.bytes.saturating_sub(p.free);
    }
    for (a, p) in &first.pools {
        let g = pools.entry(first.pool_name(*a)).or_default();
        g.before_bytes += p.bytes.saturating_sub(p.free);
    }
    let mut generations = BTreeMap::new();
    for o in &last.objects {
        *generations.entry(o.generation).or_default() += o.size;
    }
    let path = match path {
        None => None,
        Some(a) => {
            let i = last.object_at(a);
            let i = i.ok_or_else(|| Error::other(format!("there is no object at {a}")))?;
            let way = reach.path(i);
            Some(way.map_or_else(Vec::new, |w| w.iter().map(|n| reach.name(*n)).collect()))
        }
    };
    Ok(Summary {
        first: first.name.clone(),
        last: last.name.clone(),
        objects: last.objects.len() as u64,
        bytes: last.objects.iter().map(|o| o.size).sum(),
        finalizing: reach.finalizing,
        dead: reach.dead,
        groups,
        pools,
        generations,
        largest: reach
            .largest(top)
            .into_iter()
            .map(|(n, bytes)| Retains { name: reach.name(n), bytes })
            .collect(),
        path,
    })
}

/// Shows the last complete snapshot, and against the first what has grown.
pub fn heap(
    inputs: &[Input],
    form: Form,
    top: usize,
    path: Option<Address>,
    out: &mut dyn Write,
) -> Result<()> {
    let all: Vec<Heap> = inputs
        .iter()
        .flat_map(|i| i.streams.iter().enumerate().map(move |(n, s)| (i.stream_name(n), s)))
        .flat_map(|(name, s)| Heap::all(&name, s))
        .collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return Err(Error::other("there is no complete heap snapshot"));
    };
    let reach = Reach::of(last);
    let s = summary(first, &reach, top, path)?;
    match form {
        Form::Text => text(&s, all.len(), out),
        Form::Json => {
            serde_json::to_writer_pretty(&mut *out, &s)?;
            writeln!(out)
        }
        Form::Html => html(&s, all.len(), &reach, out),
    }
}

/// Largest growth first, then by size.
fn in_order(groups: &BTreeMap<String, Group>) -> Vec<(&String, &Group)> {
    let mut all: Vec<_> = groups.iter().collect();
    all.sort_by_key(|(_, g)| (std::cmp::Reverse(g.growth()), std::cmp::Reverse(g.bytes)));
    all
}

fn signed(n: i128) -> String {
    let amount = bytes(n.unsigned_abs() as u64);
    if n < 0 { format!("-{amount}") } else { format!("+{amount}") }
}

fn text(s: &Summary, snapshots: usize, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "# {}: {} objects, {}", s.last, count(s.objects), bytes(s.bytes))?;
    writeln!(
        out,
        "# out of reach: {}, waiting for finalization: {}",
        bytes(s.dead),
        bytes(s.finalizing)
    )?;
    if let Some(way) = &s.path {
        writeln!(out, "\npath from a root")?;
        if way.is_empty() {
            writeln!(out, "  none: it is not kept alive by any")?;
        }
        for (i, step) in way.iter().enumerate() {
            writeln!(out, "  {:indent$}{step}", "", indent = i)?;
        }
    }
    if snapshots > 1 {
        writeln!(out, "\ngrowth since {}", s.first)?;
    }
    for (what, groups) in [("group", &s.groups), ("pool", &s.pools)] {
        writeln!(out, "\n{:>12} {:>12} {:>10}  {what}", "bytes", "growth", "objects")?;
        for (name, g) in in_order(groups) {
            let growth = if snapshots > 1 { signed(g.growth()) } else { "-".to_string() };
            writeln!(out, "{:>12} {growth:>12} {:>10}  {name}", bytes(g.bytes), g.objects)?;
        }
    }
    writeln!(out, "\n{:>12}  generation", "bytes")?;
    for (n, size) in &s.generations {
        writeln!(out, "{:>12}  {}", bytes(*size), generation(*n))?;
    }
    writeln!(out, "\n{:>12}  what would be dead without", "bytes")?;
    for r in &s.largest {
        writeln!(out, "{:>12}  {}", bytes(r.bytes), r.name)?;
    }
    Ok(())
}

fn generation(n: u64) -> String {
    n.checked_sub(1).map_or("top".to_string(), |n| n.to_string())
}

/// The upper part of the tree of dominators, as a treemap wants it.
#[derive(Serialize)]
struct Treemap {
    #[serde(rename = "type")]
    kind: &'static str,
    branchvalues: &'static str,
    ids: Vec<String>,
    labels: Vec<String>,
    parents: Vec<String>,
    values: Vec<u64>,
}

fn treemap(reach: &Reach) -> Treemap {
    let total = reach.retained.first().copied().unwrap_or(0);
    let mut below: HashMap<usize, Vec<NodeIndex>> = HashMap::new();
    for (i, above) in reach.above.iter().enumerate() {
        if let Some(d) = above.filter(|_| reach.retained[i] > total / LEAST_PART) {
            below.entry(d.index()).or_default().push(NodeIndex::new(i));
        }
    }
    let mut map = Treemap {
        kind: "treemap",
        branchvalues: "total",
        ids: vec!["0".to_string()],
        labels: vec!["all".to_string()],
        parents: vec![String::new()],
        values: vec![total],
    };
    let mut level = vec![NodeIndex::new(0)];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for n in level {
            for child in below.get(&n.index()).into_iter().flatten() {
                map.ids.push(child.index().to_string());
                map.labels.push(reach.name(*child));
                map.parents.push(n.index().to_string());
                map.values.push(reach.retained[child.index()]);
                next.push(*child);
            }
        }
        level = next;
    }
    map
}

fn table(title: &str, groups: &BTreeMap<String, Group>, several: bool) -> String {
    let mut t = format!(
        "<h2>By {title}</h2><table><tr><th>{title}</th><th>bytes</th><th>growth</th><th>objects</th></tr>"
    );
    for (name, g) in in_order(groups) {
        let growth = if several { signed(g.growth()) } else { "-".to_string() };
        t += &format!(
            "<tr><td>{}</td><td>{}</td><td>{growth}</td><td>{}</td></tr>",
            escape(name),
            bytes(g.bytes),
            count(g.objects)
        );
    }
    t + "</table>"
}

fn html(s: &Summary, snapshots: usize, reach: &Reach, out: &mut dyn Write) -> Result<()> {
    let script =
        plotly_script().ok_or_else(|| Error::other("the plotting library is not where it was"))?;
    let map = serde_json::to_string(&[treemap(reach)])?;
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Memory pool system: heap</title>\n<style>{STYLE}</style>\n\
         <!-- The script below is\n{LICENCE}-->\n<script>{script}</script>\n</head>\n<body>\n\
         <header><h1>Memory pool system: heap</h1>\n<p class=\"sub\">{}: {} objects, {}; out of reach {}, \
         waiting for finalization {}",
        escape(&s.last),
        count(s.objects),
        bytes(s.bytes),
        bytes(s.dead),
        bytes(s.finalizing)
    )?;
    if snapshots > 1 {
        writeln!(out, "; growth since {}", escape(&s.first))?;
    }
    writeln!(out, "</p></header>\n<h2>What keeps what alive</h2>")?;
    writeln!(
        out,
        "<p class=\"sub\">An area is what would be dead without the object it is named after.</p>\
         <div id=\"map\" style=\"height: 36rem\"></div>"
    )?;
    if let Some(way) = &s.path {
        let steps: String = way.iter().map(|n| format!("<li>{}</li>", escape(n))).collect();
        writeln!(out, "<h2>Path from a root</h2><ol>{steps}</ol>")?;
    }
    writeln!(out, "{}", table("group", &s.groups, snapshots > 1))?;
    writeln!(out, "{}", table("pool", &s.pools, snapshots > 1))?;
    writeln!(out, "<h2>What would be dead without</h2><table><tr><th>bytes</th><th></th></tr>")?;
    for r in &s.largest {
        writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", bytes(r.bytes), escape(&r.name))?;
    }
    writeln!(
        out,
        "</table>\n<script>\nPlotly.newPlot('map', {}, {{margin: {{t: 24, l: 0, r: 0, b: 0}}}}, {{responsive: true}})\
         .then(() => {{ document.body.dataset.drawn = 1; }});\n</script>\n</body>\n</html>",
        in_script(&map)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::Writer;

    fn up(from: u64, to: u64) -> u64 {
        let d = to.wrapping_sub(from) as i64;
        (d << 1 ^ d >> 63) as u64
    }

    /// A root to a; a to b and c; b and c to d; d weakly to e; e by finalization; f by nobody.
    /// `more` objects like b beside it.
    fn snapshot(w: &mut Writer, more: u64) {
        let (a, b, c, d, e, f) = (0x1000, 0x1100, 0x1200, 0x900, 0x1300, 0x1400);
        let object = |w: &mut Writer, at: u64, size: u64, rank: u64, refs: &[u64]| {
            w.event(22, 0, &[0x10, at, size, 2], "");
            if !refs.is_empty() {
                let mut args = vec![rank];
                args.extend(refs.iter().map(|r| up(at, *r)));
                w.event(24, 0, &args, "");
            }
        };
        w.event(20, 0, &[1], "");
        w.event(21, 0, &[0x10, 0x20, 4096, 96], "AMC");
        w.event(21, 0, &[0x30, 0, 8192, 192], "MVFF");
        object(w, a, 16, 1, &[b, c]);
        object(w, b, 32, 1, &[d + 8]); // into it
        object(w, c, 64, 1, &[d]);
        object(w, d, 100, WEAK, &[e]);
        object(w, e, 1000, 1, &[]);
        object(w, f, 5000, 1, &[a]);
        for i in 0..more {
            object(w, 0x8000 + 64 * i, 32, 1, &[]);
        }
        w.event(23, 0, &[0x99, 1], "area").event(24, 0, &[1, up(0, a)], "");
        w.event(23, 0, &[0, 2], "finalization").event(24, 0, &[2, up(0, e)], "");
        w.event(25, 0, &[1, 6 + more, 8], "");
    }

    fn sample() -> Writer {
        let mut w = Writer::new(1000, 0);
        w.event(13, 0, &[7], "pairs").event(14, 0, &[0x20, 7], "");
        snapshot(&mut w, 0);
        snapshot(&mut w, 3);
        w
    }

    fn shown(bytes: &[u8], form: Form, path: Option<Address>) -> Result<String> {
        let mut out = Vec::new();
        heap(&[Input::of("a", bytes)], form, 3, path, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn retained_and_dead() {
        let s: serde_json::Value =
            serde_json::from_str(&shown(&sample().0, Form::Json, None).unwrap()).unwrap();
        assert_eq!(s["objects"], 9);
        assert_eq!(s["finalizing"], 1000);
        assert_eq!(s["dead"], 5000 + 3 * 32);
        // The root and a retain all four; d belongs to neither b nor c alone.
        let largest: Vec<_> = s["largest"].as_array().unwrap().iter().collect();
        assert_eq!(largest[0]["name"], "root 0x99 (area)");
        assert_eq!(largest[0]["bytes"], 16 + 32 + 64 + 100);
        assert_eq!(largest[1]["name"], "pairs 0x1000");
        assert_eq!(largest[1]["bytes"], 16 + 32 + 64 + 100);
        assert_eq!(largest[2]["name"], "pairs 0x900");
        assert_eq!(largest[2]["bytes"], 100);
        assert_eq!(s["generations"]["2"], 16 + 32 + 64 + 100 + 1000 + 5000 + 96);
    }

    #[test]
    fn growth() {
        let s: serde_json::Value =
            serde_json::from_str(&shown(&sample().0, Form::Json, None).unwrap()).unwrap();
        let g = &s["groups"]["pairs"];
        assert_eq!((&g["objects"], &g["before_objects"]), (&9.into(), &6.into()));
        assert_eq!(g["bytes"].as_u64().unwrap() - g["before_bytes"].as_u64().unwrap(), 96);
        assert_eq!(s["pools"]["MVFF 0x30"]["bytes"], 8000);
        let t = shown(&sample().0, Form::Text, None).unwrap();
        assert!(t.contains("+96 B"), "{t}");
    }

    #[test]
    fn paths() {
        let t = shown(&sample().0, Form::Text, Some(Address(0x908))).unwrap();
        let way = "path from a root\n  root 0x99 (area)\n   pairs 0x1000\n    pairs 0x1200\n     pairs 0x900\n";
        assert!(t.contains(way), "{t}");
        let t = shown(&sample().0, Form::Text, Some(Address(0x1400))).unwrap();
        assert!(t.contains("none: it is not kept alive"), "{t}");
        assert!(shown(&sample().0, Form::Text, Some(Address(0x10))).is_err());
    }

    #[test]
    fn page() {
        let t = shown(&sample().0, Form::Html, Some(Address(0x900))).unwrap();
        assert!(t.contains("\"type\":\"treemap\"") && t.contains("plotly.js v"));
    }

    #[test]
    fn a_snapshot_that_breaks_off_is_none() {
        let mut w = Writer::new(1000, 0);
        assert!(shown(&w.0, Form::Text, None).is_err());
        w.event(20, 0, &[1], "").event(22, 0, &[1, 2, 3, 4], "");
        assert!(shown(&w.0, Form::Text, None).is_err());
    }

    #[test]
    fn addresses() {
        assert_eq!(address("0x7f"), Ok(Address(0x7F)));
        assert_eq!(address("7F"), Ok(Address(0x7F)));
        assert!(address("x").is_err());
    }
}
