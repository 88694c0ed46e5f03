//! The tour is found in a README, block by block.

use super::Tour;

#[test]
fn only_the_blocks_of_the_section_are_found() {
    let block = |text: &str| format!("words\n```sh\n{text}\n```\n");
    let names = ["build", "server", "start", "kill", "status", "left", "recover\ntwice", "late", "finish"];
    let blocks: String = names.map(block).concat();
    let page = format!("# X\n{}\n## The tour: of it\n{blocks}\n## Next\n{}", block("before"), block("after"));
    let tour = Tour::of(&page).unwrap();
    assert_eq!(
        (tour.server.as_str(), tour.recover.as_str(), tour.finish.as_str()),
        ("server", "recover\ntwice", "finish")
    );

    let more = page.replace("\n## Next", &format!("\n{}\n## Next", block("one more")));
    assert!(Tour::of(&more).is_err());
    assert!(Tour::of("# X").is_err());
}

#[test]
fn the_readme_has_every_block_of_the_tour() {
    let tour = Tour::of_readme().unwrap();
    assert!(tour.server.contains("rekindle dev") && tour.kill.contains("kill -9"));
}
