//! What one module of Rust code defines, imports and names. Code for tests and the bodies of `macro_rules!` are left out.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ExprPath, Ident, Item, ItemMacro, ItemMod, ItemUse, Macro, Meta, Path, UseTree, Visibility};

/// The name of an import by `*`.
pub(super) const GLOB: &str = "*";

/// One module, with the modules that are written out in it.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The names of the items that are defined here.
    pub items: BTreeSet<String>,
    /// The macros that are exported from the crate's root.
    pub exported_macros: BTreeSet<String>,
    /// The words in macro calls at the level of items: each may be a name that the call defines.
    pub macro_words: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// The paths in types, expressions and patterns.
    pub paths: Vec<Vec<String>>,
    /// The modules that are declared here, with their source if it is in the same file.
    pub children: Vec<(String, Option<Source>)>,
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub(super) struct Import {
    /// Its name here; [`GLOB`] for an import by `*`.
    pub name: String,
    pub path: Vec<String>,
    /// Whether other modules see it.
    pub is_reexport: bool,
}

impl Source {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        Ok(Self::of(&file.items))
    }

    fn of(items: &[Item]) -> Self {
        let mut source = Self::default();
        for item in items {
            source.visit_item(item);
        }
        source
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_reexport: bool) {
        let with = |name: &Ident| [before, &[name.to_string()]].concat();
        let mut add = |name: String, path: Vec<String>| self.imports.push(Import { name, path, is_reexport });
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), is_reexport),
            UseTree::Name(name) if name.ident == "self" => {
                add(before.last().cloned().unwrap_or_default(), before.to_owned());
            }
            UseTree::Name(name) => add(name.ident.to_string(), with(&name.ident)),
            UseTree::Rename(renamed) if renamed.ident == "self" => add(renamed.rename.to_string(), before.to_owned()),
            UseTree::Rename(renamed) => add(renamed.rename.to_string(), with(&renamed.ident)),
            UseTree::Glob(_) => add(GLOB.to_owned(), before.to_owned()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, is_reexport)),
        }
    }

    fn add_path(&mut self, path: &Path) {
        if path.leading_colon.is_none() {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
    }

    /// Adds everything in the arguments of a macro that looks like a path.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.end_path(&mut path);
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Group(group) => {
                    self.end_path(&mut path);
                    self.add_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.end_path(&mut path),
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        // A single word in small letters is a variable, a field or a key.
        if path.len() > 1 || path.first().is_some_and(|word| is_capitalised(word)) {
            self.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = described(item);
        if is_for_tests(attributes) {
            return;
        }
        self.items.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let inline = module.content.as_ref().map(|(_, items)| Self::of(items));
        self.children.push((module.ident.to_string(), inline));
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if import.leading_colon.is_none() {
            self.import(&import.tree, &[], !matches!(import.vis, Visibility::Inherited));
        }
    }

    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        if let Some(name) = &item.ident {
            self.items.insert(name.to_string());
            if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                self.exported_macros.insert(name.to_string());
            }
        } else {
            words(item.mac.tokens.clone(), &mut self.macro_words);
            self.visit_macro(&item.mac);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.add_path(&call.path);
        self.add_tokens(call.tokens.clone());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.add_path(path);
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, expression: &'ast ExprPath) {
        let single = expression.path.get_ident().map(ToString::to_string);
        // A single word in small letters is mostly a variable.
        if single.is_some_and(|word| !is_capitalised(&word)) {
            return;
        }
        visit::visit_expr_path(self, expression);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = call.func.as_ref() {
            self.add_path(&function.path);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_capitalised(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_uppercase())
}

fn words(tokens: TokenStream, found: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                found.insert(word.to_string());
            }
            TokenTree::Group(group) => words(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Returns whether a `#[cfg(test)]` or a `#[test]` limits an item to tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let mut found = BTreeSet::new();
            words(list.tokens.clone(), &mut found);
            found.contains("test") && !found.contains("not")
        }
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(_) | Meta::NameValue(_) => false,
    })
}

/// Returns an item's attributes, and its name if it is one that a path can have.
fn described(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        // Named where macros and modules are visited.
        Item::Macro(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        Item::ExternCrate(_) | Item::ForeignMod(_) | Item::Verbatim(_) | _ => (&[], None),
    }
}
