//! Which file uses which: no circle of files, and no folder that uses one above it.
//!
//! Files are parsed, and each path in them is followed to the file that defines its item, through aliases and
//! re-exports. Paths inside the arguments of macros are not seen, nor are methods called on a value.

use super::{assert_none, root};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// The folders and files of `server/src`, from the bottom up: each uses only what is before it.
const LAYERS: [&str; 33] = [
    "every_minute",
    "headers",
    "regular_file",
    "peer",
    "in_flight",
    "single_flight",
    "admission",
    "near",
    "config",
    "metrics",
    "telemetry",
    "tasks",
    "budget",
    "cookies",
    "server_error",
    "attempts",
    "password",
    "shares",
    "admin",
    "app",
    "web",
    "pages",
    "token",
    "interaction",
    "endpoints",
    "middleware",
    "routes",
    "transport",
    "reference",
    "demo",
    "upkeep",
    "assembly",
    "cli",
];

type ModulePath = Vec<String>;

/// One module: its file, what it defines, what its names stand for, and the paths that it uses.
#[derive(Default)]
struct Module {
    file: PathBuf,
    items: BTreeSet<String>,
    aliases: HashMap<String, ModulePath>,
    globs: Vec<ModulePath>,
    paths: Vec<ModulePath>,
}

/// A crate's modules, by their paths.
#[derive(Default)]
struct Crate(BTreeMap<ModulePath, Module>);

impl Crate {
    fn read(folder: &Path) -> Self {
        let mut this = Self::default();
        this.add(&["crate".to_owned()], &folder.join("lib.rs"), folder);
        this
    }

    /// A file and the modules that it declares, which are below `folder`.
    fn add(&mut self, path: &[String], file: &Path, folder: &Path) {
        let syntax = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        self.add_items(path, file, folder, &syntax.items);
    }

    fn add_items(&mut self, path: &[String], file: &Path, folder: &Path, items: &[Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            if let Item::Mod(inner) = item {
                self.add_module(path, file, folder, inner);
                continue;
            }
            module.items.extend(name_of(item));
            Collector(&mut module).visit_item(item);
        }
        self.0.insert(path.to_vec(), module);
    }

    fn add_module(&mut self, path: &[String], file: &Path, folder: &Path, inner: &ItemMod) {
        let name = inner.ident.to_string();
        let path = [path, std::slice::from_ref(&name)].concat();
        let folder = folder.join(&name);
        if let Some((_, items)) = &inner.content {
            return self.add_items(&path, file, &folder, items);
        }
        let beside = folder.with_extension("rs");
        let file = if beside.exists() { beside } else { folder.join("mod.rs") };
        self.add(&path, &file, &folder);
    }

    /// The file that defines what a path of a module means; none for what other crates define.
    fn definition(&self, from: &[String], path: &[String], depth: usize) -> Option<&Path> {
        let (first, rest) = path.split_first()?;
        let module = self.0.get(from)?;
        if depth > 20 {
            return None;
        }
        match first.as_str() {
            "crate" => return self.below(&["crate".to_owned()], rest, depth),
            "self" => return self.below(from, rest, depth),
            "super" => return self.below(from.split_last()?.1, rest, depth),
            _ => {}
        }
        if let Some(target) = module.aliases.get(first).filter(|target| **target != path) {
            return self.definition(from, &[target, rest].concat(), depth + 1);
        }
        let is_ours = module.items.contains(first)
            || self.0.contains_key(&[from, std::slice::from_ref(first)].concat());
        is_ours.then(|| self.below(from, path, depth)).flatten()
    }

    fn below(&self, module: &[String], rest: &[String], depth: usize) -> Option<&Path> {
        let here = self.0.get(module)?;
        let Some((first, others)) = rest.split_first() else { return Some(&here.file) };
        if first == "super" {
            return self.below(module.split_last()?.1, others, depth);
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.below(&child, others, depth);
        }
        if here.items.contains(first) {
            return Some(&here.file);
        }
        if here.aliases.contains_key(first) {
            return self.definition(module, rest, depth + 1);
        }
        here.globs.iter().find_map(|glob| self.definition(module, &[glob, rest].concat(), depth + 1))
    }

    /// The files that each file uses.
    fn uses(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut uses: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (path, module) in &self.0 {
            let found = uses.entry(&module.file).or_default();
            let targets = module.paths.iter().filter_map(|used| self.definition(path, used, 0));
            found.extend(targets.filter(|target| **target != module.file));
        }
        uses
    }
}

/// Adds what an item uses to its module.
struct Collector<'a>(&'a mut Module);

impl Collector<'_> {
    fn tree(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let joined = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &joined(path.ident.to_string()), is_public),
            UseTree::Group(group) => {
                group.items.iter().for_each(|inner| self.tree(inner, before, is_public));
            }
            UseTree::Glob(_) => self.0.globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                let Some(last) = before.last() else { return };
                self.alias(last.clone(), before.to_vec(), is_public);
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.alias(name.clone(), joined(name), is_public);
            }
            UseTree::Rename(rename) => {
                self.alias(rename.rename.to_string(), joined(rename.ident.to_string()), is_public);
            }
        }
    }

    /// A re-export uses nothing: who names it uses what it stands for.
    fn alias(&mut self, name: String, target: ModulePath, is_public: bool) {
        if !is_public {
            self.0.paths.push(target.clone());
        }
        self.0.aliases.insert(name, target);
    }
}

impl Visit<'_> for Collector<'_> {
    fn visit_item_use(&mut self, item: &ItemUse) {
        self.tree(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited));
    }

    /// `pub(super)` names the parent and uses nothing of it.
    fn visit_visibility(&mut self, _: &syn::Visibility) {}

    fn visit_path(&mut self, path: &syn::Path) {
        self.0.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut tests = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            let _ = attribute.parse_nested_meta(|meta| {
                tests |= meta.path.is_ident("test");
                Ok(())
            });
        }
        tests
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The shortest way from a node back to it.
fn circle<T: Ord + Copy>(uses: &BTreeMap<T, BTreeSet<T>>, start: T) -> Option<Vec<T>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut next = Vec::new();
        for way in ways {
            for target in uses.get(way.last()?).into_iter().flatten() {
                if *target == start {
                    return Some([&way[..], &[start]].concat());
                }
                if seen.insert(*target) {
                    next.push([&way[..], &[*target]].concat());
                }
            }
        }
        ways = next;
    }
    None
}

fn circles<T: Ord + Copy>(uses: &BTreeMap<T, BTreeSet<T>>, name: impl Fn(T) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for start in uses.keys() {
        if let Some(way) = circle(uses, *start).filter(|way| !way.iter().any(|node| known.contains(node))) {
            known.extend(way.iter().copied());
            found.push(way.into_iter().map(&name).collect::<Vec<_>>().join(" -> "));
        }
    }
    found
}

/// The first name below a crate's `src`.
fn folder<'a>(path: &'a Path, source: &Path) -> &'a str {
    let first = path.strip_prefix(source).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs")
}

#[test]
fn no_file_is_used_by_what_it_uses() {
    let mut found = Vec::new();
    for name in [
        "protocol",
        "guard",
        "guard/authorizer",
        "storage",
        "keys",
        "templates",
        "server",
        "bench",
        "conformance",
    ] {
        let source = root().join(name).join("src");
        let read = Crate::read(&source);
        let short = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
        found.extend(circles(&read.uses(), short));
    }
    assert_none("circles of files", found);
}

#[test]
fn no_folder_of_the_server_uses_one_above_it() {
    let source = root().join("server/src");
    let read = Crate::read(&source);
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut found = Vec::new();
    for (file, targets) in read.uses() {
        let own = folder(file, &source);
        if own == "lib" {
            continue;
        }
        assert!(place(own).is_some(), "{own} is missing in LAYERS");
        for target in targets.into_iter().filter(|target| place(folder(target, &source)) > place(own)) {
            found.push(format!("{} uses {}", file.display(), target.display()));
        }
    }
    assert_none("imports that climb", found);
}
