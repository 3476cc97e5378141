import Foundation
import GRDB
import KingletErrors
import KingletTestSupport
import Testing

@testable import KingletRetrieval

/// A folder that is removed when the test is over.
final class ScratchFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("kinglet-retrieval-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path + "/docs", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var docs: String { path + "/docs" }
  var store: String { path + "/store.sqlite" }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: docs + "/" + name))
  }
}

@Suite(.timeLimit(.minutes(5))) struct KnowledgeBaseTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func open(_ options: KnowledgeBase.Options = .init(chunkSize: 12, overlap: 3)) async throws -> KnowledgeBase {
    try await KnowledgeBase.open(folder.store, embedder: ToyEmbedder.load(), options: options)
  }

  /// The bytes at the range of the stored text are the chunk's text, for every chunk; for files that say so, also there.
  private func expectSound(_ base: KnowledgeBase) throws {
    #expect(try base.store.integrityProblems() == [])
    for document in try base.store.documents() {
      let text = Array(try #require(try base.store.text(of: document.id)).utf8)
      let file = document.matchesFile ? [UInt8](try Data(contentsOf: URL(fileURLWithPath: document.path))) : nil
      for chunk in try base.store.chunks(of: document.id) where chunk.kind == .content {
        #expect(Array(text[chunk.range]) == Array(chunk.text.utf8))
        if let file { #expect(Array(file[chunk.range]) == Array(chunk.text.utf8)) }
      }
    }
  }

  private func fill() throws {
    try folder.write(
      "birds.md", "# Birds\n\nSmall ones sing. Large ones do not.\n\n## Storks\n\nStorks clatter on chimneys.")
    try folder.write("bridges.txt", "Bridges rest on piers. Some hang from cables.")
    try folder.write("parts.csv", "id,name,price\na,Nut,0.5\nb,Bolt,0.75\n")
    try folder.write(
      "facts.jsonl", "{\"id\": \"x\", \"text\": \"Iron rusts.\"}\n{\"id\": \"y\", \"text\": \"Gold does not.\"}\n")
    try folder.write("page.html", "<h1>Ferries</h1><p>They cross the lake.</p>")
  }

  @Test func rerankingIsInTheOrderOfTheCrossEncoder() async throws {
    try fill()
    let base = try await open()
    _ = try await base.add(contentsOf: folder.docs)
    let query = "Where do storks clatter?"
    let hits = try await base.search(query)
    let ranker = try await ToyEmbedder.load(ranks: true)
    let scores = try await ranker.rank(hits.map(\.chunk.text), for: query)
    #expect(hits.count > 5 && scores != scores.sorted(by: >), "there is something to order")
    let reranked = try await base.rerank(hits, for: query, by: .crossEncoder(ranker))
    #expect(reranked.map(\.score) == scores.sorted(by: >))
    for (hit, score) in zip(hits, scores) {
      #expect(reranked.first { $0.chunk.id == hit.chunk.id }?.rerankScore == score)
    }
    await #expect(throws: KingletError.self, "a model without such a head") {
      try await base.rerank(hits, for: query, by: .crossEncoder(ToyEmbedder.load()))
    }
  }

  @Test func addingFollowingAndRemoving() async throws {
    try fill()
    let base = try await open()
    let first = try await base.add(contentsOf: folder.docs)
    #expect(first.added.count == 5 && first.embedded == first.chunks && first.failed.isEmpty)
    try expectSound(base)

    let again = try await base.refresh()
    #expect(again.unchanged == 5 && again.embedded == 0 && again.changed.isEmpty)
    // Touched, but the same.
    try fill()
    let touched = try await base.refresh()
    #expect(touched.unchanged == 5 && touched.embedded == 0)

    try folder.write("birds.md", "# Birds\n\nSmall ones sing. Large ones do not.\n\n## Storks\n\nStorks eat frogs.")
    try FileManager.default.moveItem(atPath: folder.docs + "/bridges.txt", toPath: folder.docs + "/crossings.txt")
    try FileManager.default.removeItem(atPath: folder.docs + "/page.html")
    let changed = try await base.refresh()
    #expect(changed.changed.map { $0.hasSuffix("birds.md") } == [true])
    #expect(changed.moved.map(\.note).map { $0.hasSuffix("crossings.txt") } == [true])
    #expect(changed.removed.map { $0.hasSuffix("page.html") } == [true])
    #expect(changed.embedded > 0 && changed.embedded < changed.chunks)
    try expectSound(base)
    let hits = try await base.search("frogs", options: .init(mode: .keyword))
    #expect(hits.count == 1 && hits[0].chunk.heading == ["Birds", "Storks"])
    #expect(try await base.search("chimneys", options: .init(mode: .keyword)).isEmpty)

    try await base.remove(folder.docs + "/crossings.txt")
    #expect(try await base.refresh().added.isEmpty)
    await #expect(throws: KingletError.self) { try await base.remove(folder.docs + "/none") }
    // A folder that is not there today is not an empty one.
    try FileManager.default.moveItem(atPath: folder.docs, toPath: folder.path + "/away")
    let missing = try await base.refresh()
    #expect(missing.failed.count == 1 && missing.removed.isEmpty)
    #expect(try base.store.documents().count == 3)
  }

  @Test func sameTextElsewhereIsNotEmbeddedAgain() async throws {
    try fill()
    let base = try await open()
    try await base.add(contentsOf: folder.docs)
    try FileManager.default.copyItem(atPath: folder.docs + "/bridges.txt", toPath: folder.docs + "/copy.txt")
    let report = try await base.refresh()
    #expect(report.added.count == 1 && report.embedded == 0 && report.reused > 0)
  }

  @Test func anotherTemplateReadsAgain() async throws {
    try fill()
    let base = try await open()
    try await base.add(contentsOf: folder.docs + "/parts.csv", loading: .init(template: "{name}"))
    let report = try await base.add(contentsOf: folder.docs + "/parts.csv", loading: .init(template: "{name} {price}"))
    #expect(report.changed.count == 1)
    let hits = try await base.search("bolt", options: .init(mode: .keyword))
    #expect(hits.map(\.chunk.text) == ["Bolt 0.75"] && hits[0].chunk.place.row == 2)
  }

  @Test func stoppedWorkGoesOn() async throws {
    let words = (0..<4000).map { "w\($0 % 97)x." }.joined(separator: " ")
    try folder.write("long.txt", words)
    let base = try await open()
    let task = Task { [path = folder.docs] in try await base.add(contentsOf: path) }
    // Until something is kept, or it is too late: then there is nothing to go on with, which is also tested.
    for _ in 0..<2000 {
      if try await base.kept() >= 64 { break }
      try await Task.sleep(for: .milliseconds(2))
    }
    task.cancel()
    let stopped = try await task.value
    try expectSound(base)
    if stopped.isInterrupted {
      #expect(try base.store.documents().isEmpty)
      let rest = try await base.refresh()
      #expect(rest.added.count == 1 && rest.embedded < rest.chunks && rest.reused >= 64)
    }
    try expectSound(base)
    #expect(try await base.kept() == 0)
  }

  @Test func settingsAreChecked() async throws {
    _ = try await open()
    for options in [
      KnowledgeBase.Options(chunkSize: 20), .init(overlap: 5), .init(passageTask: .e5Passage), .init(hasContext: false),
    ] {
      let error = await #expect(throws: KingletError.self) { _ = try await open(options) }
      #expect(error?.code == .unsupported && error?.remedy != nil)
    }
    _ = try await open(.init())
    #expect(try KnowledgeBase.settings(of: folder.store)?.chunkSize == 12)
    await #expect(throws: KingletError.self) { _ = try await open(.init(chunkSize: 100_000)) }
  }

  @Test(arguments: SearchMode.allCases) func everyModeAnswersAnyText(_ mode: SearchMode) async throws {
    try fill()
    let base = try await open()
    #expect(try await base.search("anything", options: .init(mode: mode)).isEmpty)
    try await base.add(contentsOf: folder.docs)
    for query in [
      "storks", "\"", "a AND", "NEAR(x, 2)", "text:*", "'; DROP TABLE chunk; --", "\u{0}", "😀", " ",
      String(repeating: "long ", count: 5000),
    ] {
      let hits = try await base.search(query, options: .init(top: 3, mode: mode))
      #expect(hits.count <= 3)
      #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
    }
    let hits = try await base.search("storks clatter", options: .init(top: 2, mode: mode, diversity: 0.5))
    #expect(hits.count == 2 || mode == .keyword)
  }

  @Test func filters() async throws {
    try fill()
    let base = try await open()
    try await base.add(contentsOf: folder.docs)
    func count(_ texts: String...) async throws -> Int {
      let conditions = try texts.map { try SearchFilter.Condition(parsing: $0) }
      return try await base.search("on", options: .init(top: 50, mode: .dense, filter: .init(conditions))).count
    }
    #expect(try await count("format=csv") == 2)
    #expect(try await count("price>0.6") == 1)
    #expect(try await count("price<=0.5", "name=Nut") == 1)
    #expect(try await count("name!=Nut", "format=csv") == 1)
    #expect(try await count("id=x") == 1)
    #expect(try await count("path=docs/*.md") >= 2)
    #expect(try await count("path=*.none") == 0)
    #expect(try await count("heading~stork") >= 1)
    #expect(try await count("x' OR 1=1 --=1") == 0)
    #expect(throws: KingletError.self) { try SearchFilter.Condition(parsing: "nothing") }
    #expect(throws: KingletError.self) { try SearchFilter.Condition(parsing: "a\"b=1") }
  }

  @Test func filesThatAreNoStores() async throws {
    try folder.write("text.sqlite", String(repeating: "no database ", count: 100))
    let error = #expect(throws: KingletError.self) { try SQLiteStore(path: folder.docs + "/text.sqlite", create: true) }
    #expect(error?.code == .fileCorrupt)
    #expect(throws: KingletError.self) { try SQLiteStore(path: folder.path + "/none.sqlite", create: false) }
    #expect(throws: KingletError.self) { try SQLiteStore(path: folder.path + "/no/folder.sqlite", create: true) }
    _ = try await open()
    // A store whose pages are damaged says so rather than trapping.
    try await open().add(contentsOf: folder.docs)
    let other = try SQLiteStore(path: folder.store, create: false)
    try other.write { try $0.execute(sql: "UPDATE chunk SET stop = 999999999") }
    for document in try other.documents() where document.chunkCount > 0 {
      #expect(throws: KingletError.self) { try other.chunks(of: document.id) }
    }
  }
}

extension KnowledgeBase {
  /// Vectors that wait for the rest of their document.
  func kept() async throws -> Int {
    guard let store = store as? SQLiteStore else { return 0 }
    return try await run { _ throws(KingletError) in
      try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM kept") ?? 0 }
    }
  }
}
