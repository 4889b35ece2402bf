use super::*;

fn check(markup: &str, expected: &str) {
    assert_eq!(to_markdown(markup).text, expected, "{markup}");
}

#[test]
fn code_macros_keep_their_language_and_every_character() {
    check(
        r#"<p>Run:</p><ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter><ac:parameter ac:name="title">Look</ac:parameter><ac:plain-text-body><![CDATA[select a
  from b where c < 1 && d = ']]]]><![CDATA[>';]]></ac:plain-text-body></ac:structured-macro>"#,
        "Run:\n\n**Look**\n\n```sql\nselect a\n  from b where c < 1 && d = ']]>';\n```",
    );
    check(
        "<ac:structured-macro ac:name=\"noformat\"><ac:plain-text-body>\n  <![CDATA[```\nx\n```]]>\n</ac:plain-text-body></ac:structured-macro>",
        "````\n```\nx\n```\n````",
    );
    check("<pre><code class=\"language-sh\">ls &lt;dir&gt;\n  -l</code></pre>", "```sh\nls <dir>\n  -l\n```");
}

#[test]
fn panels_are_quotes_and_may_hold_anything() {
    check(
        r#"<ac:structured-macro ac:name="warning"><ac:parameter ac:name="title">Careful</ac:parameter><ac:rich-text-body><p>One</p><ul><li>a</li></ul><ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[x  y]]></ac:plain-text-body></ac:structured-macro></ac:rich-text-body></ac:structured-macro><p>After</p>"#,
        "> **Warning: Careful**\n\n> One\n> - a\n\n```\nx  y\n```\n\nAfter",
    );
}

#[test]
fn lists_nest_and_code_in_them_stays_as_written() {
    check(
        r#"<ol><li><p>One <strong>now</strong></p><ul><li>a</li><li>b<ul><li>c</li></ul></li></ul></li><li>Two<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[if x:
    y]]></ac:plain-text-body></ac:structured-macro></li></ol>"#,
        "1. One **now**\n   - a\n   - b\n     - c\n2. Two\n\n```\nif x:\n    y\n```",
    );
    check(
        "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status><ac:task-body>Drain</ac:task-body></ac:task><ac:task><ac:task-id>2</ac:task-id><ac:task-status>incomplete</ac:task-status><ac:task-body>Cordon <ac:link><ri:user ri:account-id=\"7:a\"/></ac:link></ac:task-body></ac:task></ac:task-list>",
        "- [x] Drain\n- [ ] Cordon @7:a",
    );
}

#[test]
fn tables_of_words_are_tables_and_others_are_told_cell_by_cell() {
    check(
        "<table><colgroup><col/></colgroup><tbody><tr><th>Name</th><th colspan=\"2\">Limits</th></tr><tr><th>max_connections</th><td>80</td><td>a<br/>b</td></tr><tr><td rowspan=\"2\">pool</td><td><p>1</p><p>2</p></td><td/></tr><tr><td>3</td></tr></tbody></table>",
        "| Name | Limits |  |\n| --- | --- | --- |\n| max_connections | 80 | a b |\n| pool | 1 2 |  |\n| pool | 3 |  |",
    );
    check(
        r#"<table><tbody><tr><th>Step</th><th>Command</th></tr><tr><td>Drain</td><td><ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[kubectl drain n | tee log]]></ac:plain-text-body></ac:structured-macro></td></tr><tr><td><table><tbody><tr><td>in</td><td>ner</td></tr></tbody></table></td><td><ul><li>x</li></ul></td></tr></tbody></table>"#,
        "Step: Drain\n\nCommand:\n\n```\nkubectl drain n | tee log\n```\n\nStep:\n\n| in | ner |\n\nCommand:\n- x",
    );
}

#[test]
fn links_images_statuses_and_dates_are_words() {
    check(
        r#"<p>See <ac:link><ri:page ri:content-title="Full disk" ri:space-key="SRE"/><ac:plain-text-link-body><![CDATA[the page]]></ac:plain-text-link-body></ac:link>, <a href="https://e.x/a_b">a_b</a> and <ac:link><ri:attachment ri:filename="x.log"/></ac:link>: <ac:structured-macro ac:name="status"><ac:parameter ac:name="title">DONE</ac:parameter></ac:structured-macro> on <time datetime="2026-01-02"/> <ac:emoticon ac:name="warning" ac:emoji-fallback="⚠"/></p><ac:image ac:alt="a graph"><ri:attachment ri:filename="g.png"/></ac:image>"#,
        "See the page (Full disk), [a_b](https://e.x/a_b) and x.log: **DONE** on 2026-01-02 ⚠\n\n![a graph](g.png)",
    );
}

#[test]
fn macros_that_nobody_knows_keep_their_bodies() {
    check(
        r#"<ac:structured-macro ac:name="mermaid"><ac:plain-text-body><![CDATA[a --> b]]></ac:plain-text-body></ac:structured-macro><ac:structured-macro ac:name="odd"><ac:parameter ac:name="title">T</ac:parameter><ac:rich-text-body><h2>H</h2></ac:rich-text-body></ac:structured-macro><ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">More</ac:parameter><ac:rich-text-body><ac:structured-macro ac:name="info"><ac:rich-text-body><p>deep</p></ac:rich-text-body></ac:structured-macro></ac:rich-text-body></ac:structured-macro><ac:structured-macro ac:name="toc"><ac:parameter ac:name="maxLevel">3</ac:parameter></ac:structured-macro><ac:structured-macro ac:name="include"><ac:parameter ac:name=""><ac:link><ri:page ri:content-title="Other"/></ac:link></ac:parameter></ac:structured-macro>"#,
        "```mermaid\na --> b\n```\n\n**T**\n\n**H**\n\n**More**\n\n> **Info**\n\n> deep\n\ninclude: Other",
    );
}

#[test]
fn markup_that_is_none_is_text() {
    check("<p>a < b && c &unknown; &eacute; <pod> <p>open", "a < b && c &unknown; é <pod>\n\nopen");
    check("<ul><li>a<li>b</ul><td>lone</td></strong>", "- a\n- b\n\nlone");
    check("<p># no heading</p><h2>A<br/>heading</h2>", "\\# no heading\n\n## A heading");
}

#[test]
fn a_million_bytes_of_nested_lists_are_read() {
    for (open, close) in [
        ("<ul><li>x", "</li></ul>"),
        ("<table><tr><td>x", "</td></tr></table>"),
        ("<blockquote>x", "</blockquote>"),
    ] {
        let depth = if open.starts_with("<ul") { 1_000_000 } else { 100_000 } / (open.len() + close.len());
        let page = to_markdown(&(open.repeat(depth) + &close.repeat(depth)));
        assert_eq!(page.text.matches('x').count(), depth);
        let unclosed = to_markdown(&open.repeat(depth));
        assert_eq!(unclosed.text.matches('x').count(), depth);
    }
    assert!(to_markdown(&"<!-- <".repeat(100_000)).problem.is_some());
}

#[test]
fn blocks_name_the_elements_they_were_made_of() {
    let markup = "<h1>T</h1>\n<p>one</p><ul><li>two</li></ul>";
    let page = to_markdown(markup);
    let at = page.text.find("one").unwrap();
    assert_eq!(&markup[page.source(&(at..at + 3))], "\n<p>one</p>");
    assert_eq!(page.source(&(0..page.text.len())), 0..markup.len());
}
