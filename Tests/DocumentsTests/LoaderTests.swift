import Foundation
import GRDB
import KingletErrors
import KingletTestSupport
import Testing

@testable import KingletDocuments

/// A chunker that counts words.
func wordChunker(size: Int, overlap: Int = 0) -> Chunker {
  Chunker(size: size, overlap: overlap) { $0.split(whereSeparator: \.isWhitespace).count }
}

func loaded(_ path: String, _ options: LoadingOptions = .init()) throws -> LoadedDocument {
  guard case .loaded(let document) = try Loader.load(path, options: options) else {
    throw KingletError(.unsupported, "was skipped", at: path)
  }
  return document
}

/// What must hold for every chunk of every loader: its text is the bytes at its range, lines are counted right, and ranges
/// ascend.
func expectProvenance(_ document: LoadedDocument, _ chunks: [Chunk], file: [UInt8]? = nil) {
  let bytes = Array(document.text.utf8)
  var lastStart = -1
  for chunk in chunks {
    #expect(Array(bytes[chunk.range]) == Array(chunk.text.utf8))
    if let file { #expect(Array(file[chunk.range]) == Array(chunk.text.utf8)) }
    #expect(!chunk.text.isEmpty)
    let before = bytes[..<chunk.range.lowerBound].count { $0 == UInt8(ascii: "\n") }
    #expect(chunk.lines.lowerBound == before + 1)
    #expect(chunk.lines.upperBound == before + 1 + chunk.text.utf8.dropLast().count { $0 == UInt8(ascii: "\n") })
    #expect(chunk.range.lowerBound > lastStart)
    lastStart = chunk.range.lowerBound
  }
}

struct LoaderTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  @Test func plainText() throws {
    let text = "First paragraph. It has two sentences.\n\nSecond – with a dash.\r\nAnd a line more.\n"
    let document = try loaded(folder.write("a.txt", text))
    #expect(document.matchesFile && document.encoding == "utf-8" && document.blocks.count == 2)
    let chunks = wordChunker(size: 6).chunks(of: document)
    #expect(
      chunks.map(\.text) == ["First paragraph. It has two sentences.", "Second – with a dash.\r\nAnd a line more."]
        || chunks.count >= 2)
    expectProvenance(document, chunks, file: Array(text.utf8))
  }

  @Test func markdownHeadingsBecomeAPath() throws {
    let text = """
      ---
      title: "The handbook"
      ---
      # Birds

      About birds.

      ## Kinglets ##

      They are small.

      ```
      # not a heading
      ```

      Wrens
      -----

      Louder.
      """
    let document = try loaded(folder.write("a.md", text))
    #expect(document.title == "The handbook")
    let chunks = wordChunker(size: 40).chunks(of: document)
    expectProvenance(document, chunks, file: Array(text.utf8))
    #expect(chunks.map(\.heading) == [["Birds"], ["Birds", "Kinglets"], ["Birds", "Wrens"]])
    #expect(chunks[1].text.hasPrefix("## Kinglets") && chunks[1].text.contains("# not a heading"))
    #expect(!chunks.contains { $0.text.contains("title:") })
  }

  @Test func aByteOrderMarkIsNoText() throws {
    let bytes = [0xEF, 0xBB, 0xBF] + Array("# Head\n\nText.".utf8)
    let document = try loaded(folder.write("bom.md", bytes))
    let chunks = wordChunker(size: 40).chunks(of: document)
    #expect(document.title == "Head" && chunks.first?.range.lowerBound == 3)
    expectProvenance(document, chunks, file: bytes)
  }

  @Test func htmlWithoutBoilerplate() throws {
    let html = """
      <html><head><title>Kinglets &amp; wrens</title><style>p { color: red }</style></head><body>
      <nav><a href="/">Home</a></nav><header>Site banner</header>
      <main><h1>Kinglets</h1><p>Small   <b>birds</b>.</p><script>alert(1)</script>
      <h2>Songs</h2><ul><li>high<li>thin</ul><p hidden>secret</p>
      <table><tr><th>Name</th><th>Mass</th></tr><tr><td>Goldcrest</td><td>6 g</td></tr></table>
      <pre>a  b
      c</pre></main><footer>Imprint</footer></body></html>
      """
    let document = try loaded(folder.write("a.html", html))
    #expect(document.title == "Kinglets & wrens")
    let texts = document.blocks.map { Array(document.text.utf8)[$0.range] }.map { String(decoding: $0, as: UTF8.self) }
    #expect(
      texts == ["Kinglets", "Small birds.", "Songs", "- high", "- thin", "Name | Mass", "Goldcrest | 6 g", "a  b\nc"])
    #expect(document.blocks[1].place.element == "/html/body/main/p[1]")
    let chunks = wordChunker(size: 8).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.last?.heading == ["Kinglets", "Songs"])
    #expect(chunks.allSatisfy { $0.place.element?.hasPrefix("/html/body/main/") ?? false })
  }

  @Test func htmlInWindows1252AndByItsOwnWord() throws {
    let plain = try loaded(folder.write("w.html", Array("<p>caf".utf8) + [0xE9] + Array("</p>".utf8)))
    #expect(plain.text == "café")
    let named = Array("<meta charset=\"iso-8859-2\"><p>".utf8) + [0xB3] + Array("</p>".utf8)
    #expect(try loaded(folder.write("n.html", named)).text == "ł")
    #expect(try loaded(folder.write("u.html", "<p>łódź</p>")).text == "łódź")
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pdftotext"), "needs pdftotext"))
  func pdfPages() throws {
    let path = try folder.write("a.pdf", handmadePDF(["First page here.", "Second page (two)."]))
    let document = try loaded(path)
    let chunks = wordChunker(size: 3).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.map(\.pages) == [1...1, 2...2])
    #expect(chunks.map(\.text) == ["First page here.", "Second page (two)."])
    let broken = try folder.write("broken.pdf", "%PDF-1.4\nnothing")
    #expect(throws: KingletError.self) { try loaded(broken) }
  }

  @Test func csvRows() throws {
    let csv = "id;name;note\r\n7;Goldcrest;\"tiny; \"\"king\"\"\r\nof birds\"\r\n\r\n008;Wren\r\n"
    let document = try loaded(folder.write("a.csv", csv), .init(template: "{name}: {note}"))
    let chunks = wordChunker(size: 3).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.map(\.text) == ["Goldcrest: tiny; \"king\"\r\nof birds", "Wren: "])
    // The blank line is no record but counts as a row, as in a spreadsheet.
    #expect(chunks.map(\.place.row) == [1, 3])
    #expect(chunks.map(\.place.identifier) == ["7", "008"])
    #expect(chunks[0].place.fields?["name"] == .text("Goldcrest") && chunks[0].place.fields?["id"] == .number(7))
    let plain = try loaded(folder.write("b.tsv", "a\tb\n1\t2\n"))
    #expect(plain.text == "a: 1\nb: 2")
    let open = try folder.write("open.csv", "a,b\n\"never closed")
    #expect(throws: KingletError.self) { try loaded(open) }
  }

  @Test func jsonPointers() throws {
    let json =
      #"{"meta": 1, "it/ems": [{"id": "x", "title": "T", "text": "Body"}, {"text": "Second", "n": {"m": [1, 2]}}]}"#
    let document = try loaded(folder.write("a.json", json))
    let chunks = wordChunker(size: 3).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.map(\.text) == ["T\nBody", "Second"])
    #expect(chunks.map(\.place.pointer) == ["/it~1ems/0", "/it~1ems/1"])
    #expect(chunks[0].place.identifier == "x")
    let nested = try loaded(folder.write("b.json", json), .init(template: "{n.m} {{{text}}}", records: "/it~1ems/1"))
    #expect(nested.text == "1, 2 {Second}")
  }

  @Test func jsonLines() throws {
    let lines = "{\"text\": \"one\"}\n\nnot json\n{\"text\": \"two\"}\n"
    let document = try loaded(folder.write("a.jsonl", lines))
    let chunks = wordChunker(size: 3).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.map(\.place.row) == [1, 4] && document.notes.count == 1 && document.notes[0].contains("line 3"))
    let none = try folder.write("b.jsonl", "no\njson\n")
    #expect(throws: KingletError.self) { try loaded(none) }
  }

  @Test func sqliteRows() throws {
    let path = folder.path + "/shop.db"
    try DatabaseQueue(path: path).write {
      try $0.execute(
        sql: "CREATE TABLE p (id INTEGER, name TEXT, price REAL); INSERT INTO p VALUES (1, 'nut', 0.5), (2, NULL, 3)")
    }
    guard case .skipped = try Loader.load(path) else {
      Issue.record("without a query it is skipped")
      return
    }
    let document = try loaded(path, .init(template: "{name} costs {price}", query: "SELECT * FROM p ORDER BY id DESC"))
    let chunks = wordChunker(size: 3).chunks(of: document)
    expectProvenance(document, chunks)
    #expect(chunks.map(\.text) == [" costs 3.0", "nut costs 0.5"] && chunks.map(\.place.row) == [1, 2])
    for query in ["DELETE FROM p", "SELECT", "SELECT * FROM q"] {
      #expect(throws: KingletError.self) { try loaded(path, .init(query: query)) }
    }
  }

  @Test func encodings() throws {
    func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
      text.utf16.flatMap { bigEndian ? [UInt8($0 >> 8), UInt8($0 & 255)] : [UInt8($0 & 255), UInt8($0 >> 8)] }
    }
    #expect(try loaded(folder.write("a.txt", [0xFF, 0xFE] + utf16("héllo", bigEndian: false))).text == "héllo")
    #expect(try loaded(folder.write("b.txt", [0xFE, 0xFF] + utf16("héllo", bigEndian: true))).text == "héllo")
    #expect(try loaded(folder.write("c.txt", utf16("plain text", bigEndian: false))).encoding == "utf-16le")
    let western = try loaded(folder.write("d.txt", Array("caf".utf8) + [0xE9, 0x20, 0x80]))
    #expect(western.text == "café €" && western.encoding == "windows-1252" && !western.matchesFile)
    // One broken byte among good characters: every offset stays.
    let bytes = Array("größer und schöner ".utf8) + [0xFF] + Array(" am Ende".utf8)
    let repaired = try loaded(folder.write("e.txt", bytes))
    #expect(repaired.text == "größer und schöner ? am Ende" && repaired.matchesFile && repaired.notes.count == 1)
    guard case .skipped(let reason) = try Loader.load(folder.write("f.txt", [0, 1, 2, 3, 0, 255])) else {
      Issue.record("binary files are skipped")
      return
    }
    #expect(reason.contains("binary"))
  }

  @Test func hostileFiles() throws {
    // Ten thousand levels of nesting; libxml2 stops, and so do we.
    let deep = String(repeating: "<div>", count: 10_000) + "<p>bottom</p>"
    _ = try loaded(folder.write("deep.html", deep))
    let nested = String(repeating: "[", count: 10_000)
    let json = try folder.write("deep.json", nested)
    #expect(throws: KingletError.self) { try loaded(json) }
    // A line of two megabytes without a space.
    let line = try loaded(folder.write("line.txt", String(repeating: "é", count: 1 << 20)))
    let chunks = wordChunker(size: 10).chunks(of: line)
    #expect(chunks.count > 1000 && chunks.allSatisfy { $0.text.utf8.count <= 160 })
    expectProvenance(line, Array(chunks.prefix(3)))
    #expect(try loaded(folder.write("empty.txt", "")).blocks.isEmpty)
    #expect(try loaded(folder.write("empty.csv", "")).blocks.isEmpty)
    #expect(try wordChunker(size: 5).chunks(of: loaded(folder.write("blank.md", " \n\n\t"))).isEmpty)
    let large = try folder.write("large.txt", "0123456789")
    let error = #expect(throws: KingletError.self) { try loaded(large, .init(fileLimit: 5)) }
    #expect(error?.code == .unsupported)
  }

  @Test func hostilePages() throws {
    // A page of many siblings is counted once, not once for each of them.
    let siblings = String(repeating: "<p>x</p>", count: 200_000)
    let long = try loaded(folder.write("long.html", "<html><body>\(siblings)</body></html>"))
    #expect(long.blocks.count == 200_000 && long.blocks.last?.place.element == "/html/body/p[200000]")
    // Attributes take the square of their number to read.
    let attributes = (0..<200_000).map { "a\($0)=1" }.joined(separator: " ")
    let many = try folder.write("many.html", "<p \(attributes)>text</p>")
    let error = #expect(throws: KingletError.self) { try loaded(many) }
    #expect(error?.code == .unsupported)
    let quoted = try loaded(folder.write("q.html", "<p title=\"\(attributes)\">one > two</p>"))
    #expect(quoted.text == "one > two")
    // Every chunk below a heading carries it.
    let shout = String(repeating: "long ", count: 100_000)
    for (name, text) in [("h.html", "<h1>\(shout)</h1><p>x</p>"), ("h.md", "# \(shout)\n\nx\n")] {
      let document = try loaded(folder.write(name, text))
      #expect(document.blocks.last.map { $0.heading.joined().count } == 200 && document.title?.count == 200)
    }
  }

  @Test func templatesAreChecked() throws {
    for template in ["{", "{}", "{open"] {
      #expect(throws: KingletError.self) { try LoadingOptions(template: template).validate() }
    }
    #expect(throws: KingletError.self) { try LoadingOptions(records: "items").validate() }
  }
}

/// A PDF with a line of text on each page.
private func handmadePDF(_ pages: [String]) -> [UInt8] {
  var objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
  var kids: [String] = []
  for page in pages {
    let escaped = page.replacingOccurrences(of: "(", with: "\\(").replacingOccurrences(of: ")", with: "\\)")
    let content = "BT /F1 12 Tf 72 700 Td (\(escaped)) Tj ET"
    objects.append(
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents \(objects.count + 2) 0 R "
        + "/Resources << /Font << /F1 3 0 R >> >> >>")
    kids.append("\(objects.count) 0 R")
    objects.append("<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream")
  }
  objects[1] = "<< /Type /Pages /Kids [\(kids.joined(separator: " "))] /Count \(pages.count) >>"
  var text = "%PDF-1.4\n"
  var offsets: [Int] = []
  for (index, object) in objects.enumerated() {
    offsets.append(text.utf8.count)
    text += "\(index + 1) 0 obj\n\(object)\nendobj\n"
  }
  let start = text.utf8.count
  text += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
  for offset in offsets { text += String(repeating: "0", count: 10 - "\(offset)".count) + "\(offset) 00000 n \n" }
  text += "trailer << /Size \(objects.count + 1) /Root 1 0 R >>\nstartxref\n\(start)\n%%EOF\n"
  return Array(text.utf8)
}
