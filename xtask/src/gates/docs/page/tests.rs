//! The Markdown of this project.

use super::*;

const TEXT: &str = "\
# The `first` page: what, why?
See [there](other.md#part) and [`code`](../x.rs), not `[this](one.md)`.

## Again
```sh
# no heading
rekindle status
```
## Again
````md
```sh
no block of its own
```
````
[later]: https://example.org/
<a id=\"by-hand\"></a>
";

#[test]
fn headings_become_anchors() {
    let page = Page::parse("a.md", TEXT);
    assert_eq!(page.anchors, ["the-first-page-what-why", "again", "again-1", "by-hand"]);
    assert_eq!(slug("On [Atlas](x) — M10_b"), "on-atlas--m10_b");
}

#[test]
fn links_and_code_are_distinguished() {
    let page = Page::parse("a.md", TEXT);
    let links: Vec<&str> = page.links.iter().map(|(_, target)| target.as_str()).collect();
    assert_eq!(links, ["other.md#part", "../x.rs", "https://example.org/"]);
    assert!(page.code.contains(&(2, "[this](one.md)".to_owned())));
}

#[test]
fn a_block_is_the_text_between_its_fences() {
    let page = Page::parse("a.md", TEXT);
    assert_eq!(page.blocks.len(), 2);
    let block = page.shell_blocks().next().unwrap();
    assert_eq!((block.line, block.under.as_str()), (5, "Again"));
    assert_eq!(block.text, "# no heading\nrekindle status\n");
    assert_eq!(page.blocks[1].language, "md");
}
