import Foundation
import Kinglet
import KingletDocuments
import KingletErrors

/// Brings documents into a store: reads and cuts them, embeds what is not known, writes each document as a whole.
///
/// Vectors are computed in passes over the chunks of many documents. A document is written as soon as its last vector is
/// there; vectors of one that is not complete are kept in the store, so that work that was stopped goes on where it was.
struct Indexer {
  private let store: any VectorStore
  private let embedder: EmbeddingModel
  private let settings: StoreSettings
  private let isCancelled: @Sendable () -> Bool
  private let progress: @Sendable (IndexProgress) -> Void
  private let chunker: Chunker
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant

  private(set) var report = IndexReport()
  private var pending: [PendingDocument] = []
  /// Chunks of `pending` without a vector, by their hashes.
  private var samePlaces: [[UInt8]: [(document: Int, chunk: Int)]] = [:]
  private var doneBytes = 0
  private var doneFiles = 0
  var totalBytes = 0
  var totalFiles = 0

  /// Chunks that wait before they are worked off.
  private static let waitingChunks = 256
  /// Chunks that are embedded between two transactions: what a crash costs at most.
  private static let chunksPerPass = 64
  /// Bytes of texts that may wait.
  private static let pendingBytes = 32 << 20
  private static let pendingDocuments = 256
  /// Tokens for title, headings and summary before a chunk.
  private static let contextTokens = 48
  /// A summary costs as much as a short chunk: worth it from so many chunks on.
  private static let chunksForSummary = 4

  init(
    _ base: KnowledgeBase, isCancelled: @escaping @Sendable () -> Bool,
    progress: @escaping @Sendable (IndexProgress) -> Void
  ) {
    store = base.store
    embedder = base.embedder
    settings = base.settings
    self.isCancelled = isCancelled
    self.progress = progress
    start = clock.now
    let model = base.embedder
    chunker = Chunker(size: base.settings.chunkSize, overlap: base.settings.overlap) { model.tokens(of: $0).count }
  }

  mutating func note(_ body: (inout IndexReport) -> Void) { body(&report) }

  /// Reads a file and puts its chunks in the queue, which is worked off when it is long enough.
  mutating func add(
    _ path: String, bytes: [UInt8], hash: [UInt8], state: FileState, source: StoredSource, isNew: Bool
  ) throws(KingletError) {
    let loading = source.loading
    let outcome: Loader.Outcome
    do throws(KingletError) {
      outcome = try Loader.load(path, bytes: bytes, options: loading)
    } catch {
      report.failed.append(.init(path: path, note: error.description))
      finishFile(state.size)
      return
    }
    switch outcome {
    case .skipped(let reason):
      report.skipped.append(.init(path: path, note: reason))
      finishFile(state.size)
    case .loaded(let content):
      report.notes += content.notes.map { .init(path: path, note: $0) }
      pending.append(
        try prepare(path, content, hash: hash, state: state, source: source.id, isNew: isNew))
      let waiting = pending.reduce(0) { $0 + $1.chunks.count { $0.vector == nil } }
      let size = pending.reduce(0) { $0 + $1.content.text.utf8.count }
      if waiting >= Self.waitingChunks || size >= Self.pendingBytes || pending.count >= Self.pendingDocuments {
        try flush()
      }
    }
  }

  /// Counts a file that needed no work.
  mutating func finishFile(_ size: Int) {
    doneBytes += size
    doneFiles += 1
    tell()
  }

  private func tell() {
    let fraction = totalBytes > 0 ? Double(doneBytes) / Double(totalBytes) : 0
    progress(
      IndexProgress(
        files: doneFiles, totalFiles: totalFiles, chunks: report.embedded, fraction: min(1, fraction),
        seconds: seconds(since: start)))
  }

  private func prepare(
    _ path: String, _ content: LoadedDocument, hash: [UInt8], state: FileState, source: Int64?, isNew: Bool
  ) throws(KingletError) -> PendingDocument {
    let chunks = chunker.chunks(of: content)
    var draft: SummaryDraft?
    if settings.hasContext, !content.format.hasRecords, chunks.count >= Self.chunksForSummary {
      let tokens = chunks.reduce(0) { $0 + $1.tokenCount }
      draft = SummaryDraft(content, most: min(8, tokens / 1000))
    }
    let title = content.title ?? ""
    var waiting = chunks.map { chunk in
      let parts = [settings.hasContext ? title : "", chunk.heading.joined(separator: "\n"), chunk.text]
      return PendingChunk(kind: .content, chunk: chunk, hash: ContentHash(of: parts).bytes)
    }
    let known = try store.knownVectors(waiting.map(\.hash))
    for index in waiting.indices { waiting[index].vector = known[waiting[index].hash] }
    return PendingDocument(
      path: path, content: content, hash: hash, state: state, source: source, isNew: isNew, draft: draft,
      chunks: waiting)
  }

  /// Embeds all that waits and writes the documents.
  mutating func flush() throws(KingletError) {
    try summarize()
    var first = 0
    var next: [(document: Int, chunk: Int)] = []
    // Each text once: two copies of a file, or the same licence in all of them.
    var places: [[UInt8]: [(document: Int, chunk: Int)]] = [:]
    var unknown: [(document: Int, chunk: Int)] = []
    for document in pending.indices {
      for (chunk, item) in pending[document].chunks.enumerated() where item.vector == nil {
        places[item.hash, default: []].append((document, chunk))
        if places[item.hash]?.count == 1 { unknown.append((document, chunk)) }
      }
    }
    samePlaces = places
    for place in unknown {
      next.append(place)
      guard next.count == Self.chunksPerPass else { continue }
      try embed(next)
      next = []
      first = try writeComplete(from: first)
    }
    if !next.isEmpty { try embed(next) }
    _ = try writeComplete(from: first)
    pending = []
  }

  /// Chooses the sentences of summaries, and puts each summary in the queue.
  private mutating func summarize() throws(KingletError) {
    let drafts = pending.indices.filter { pending[$0].draft != nil }
    // What an unchanged document says of itself need not be asked again: its chunks are known.
    let asking = drafts.filter { !pending[$0].isComplete && (pending[$0].draft?.candidates.count ?? 0) > 2 }
    let vectors = try vectors(of: asking.flatMap { pending[$0].draft?.candidates ?? [] })
    var used = 0
    for index in drafts {
      guard let draft = pending[index].draft else { continue }
      var own: [[Float]] = []
      if asking.contains(index) {
        own = Array(vectors[used..<used + draft.candidates.count])
        used += draft.candidates.count
      }
      guard let summary = draft.text(draft.sentences(own)) else { continue }
      pending[index].summary = summary
      let chunk = Chunk(
        range: 0..<0, text: summary, lines: 1...1, heading: [], place: Place(),
        tokenCount: embedder.tokens(of: summary).count)
      let hash = ContentHash(of: ["summary", summary]).bytes
      var item = PendingChunk(kind: .summary, chunk: chunk, hash: hash)
      item.vector = try store.knownVectors([hash])[hash]
      pending[index].chunks.append(item)
    }
  }

  private mutating func vectors(of texts: [String]) throws(KingletError) -> [[Float]] {
    if texts.isEmpty { return [] }
    var result: [[Float]] = []
    let began = clock.now
    defer { report.embeddingSeconds += seconds(since: began) }
    try embedder.embedder.embed(
      texts.lazy.map { [embedder] in embedder.tokens(of: $0) }, options: .init(normalizes: true, overflow: .truncate),
      isCancelled: isCancelled
    ) { _, embedding in result.append(embedding.vector) }
    return result
  }

  /// Computes the vectors of some chunks. What is there when the work is stopped is kept.
  private mutating func embed(_ places: [(document: Int, chunk: Int)]) throws(KingletError) {
    let texts = places.map { text(of: $0) }
    var done = 0
    let began = clock.now
    var failure: KingletError?
    var results: [Embedding] = []
    let collect = { (_: Int, embedding: Embedding) throws(KingletError) in results.append(embedding) }
    do throws(KingletError) {
      try embedder.embedder.embed(
        texts, options: .init(normalizes: true, overflow: .truncate), isCancelled: isCancelled, each: collect)
    } catch {
      failure = error
    }
    report.embeddingSeconds += seconds(since: began)
    for (place, embedding) in zip(places, results) {
      let (document, chunk) = place
      for same in samePlaces[pending[document].chunks[chunk].hash] ?? [] {
        pending[same.document].chunks[same.chunk].vector = embedding.vector
        pending[same.document].chunks[same.chunk].isTruncated = embedding.droppedTokenCount > 0
      }
      done += 1
    }
    report.embedded += done
    // Documents that end in this pass are written next; of others the vectors are kept meanwhile.
    let unfinished = places.prefix(done).filter { !pending[$0.document].isComplete || failure != nil }
    if !unfinished.isEmpty {
      try store.keepVectors(
        unfinished.compactMap { place in
          let chunk = pending[place.document].chunks[place.chunk]
          return chunk.vector.map { (chunk.hash, $0) }
        })
    }
    tell()
    if let failure { throw failure }
  }

  /// What the model sees of a chunk: as much of title, headings and summary as there is room for, and the chunk.
  private func text(of place: (document: Int, chunk: Int)) -> [Int32] {
    let document = pending[place.document]
    let item = document.chunks[place.chunk]
    let prefix = settings.passagePrefix
    let own = embedder.tokens(of: prefix + item.chunk.text)
    guard settings.hasContext, item.kind == .content, !document.content.format.hasRecords else { return own }
    let room = min(
      Self.contextTokens, embedder.description.window - embedder.embedder.frame.count - own.count - 1)
    var context = ""
    var path = item.chunk.heading
    if let title = document.content.title, path.first != title { path.insert(title, at: 0) }
    // The chunk's own heading stands in its text already, if it begins there.
    if let last = path.last, item.chunk.text.prefix(last.count + 8).contains(last) { path.removeLast() }
    let sentences = document.summary.map { [$0.split(separator: "\n").last.map(String.init) ?? ""] } ?? []
    for part in [path.joined(separator: " › ")] + sentences where !part.isEmpty {
      let longer = context.isEmpty ? part : context + ". " + part
      if embedder.tokens(of: longer).count > room { break }
      context = longer
    }
    return context.isEmpty ? own : embedder.tokens(of: prefix + context + "\n" + item.chunk.text)
  }

  /// Writes documents from the front as long as they are complete; returns the first that is not.
  private mutating func writeComplete(from first: Int) throws(KingletError) -> Int {
    var index = first
    while index < pending.count, pending[index].isComplete {
      let document = pending[index]
      try store.replace(
        NewDocument(
          path: document.path, content: document.content, summary: document.summary, hash: document.hash,
          size: document.state.size, modified: document.state.modified, source: document.source,
          chunks: document.chunks.compactMap { chunk in chunk.vector.map { chunk.finished($0) } }))
      if document.isNew { report.added.append(document.path) } else { report.changed.append(document.path) }
      report.chunks += document.chunks.count
      report.truncated += document.chunks.count(where: \.isTruncated)
      // The text is no longer needed.
      pending[index].content.text = ""
      finishFile(document.state.size)
      index += 1
    }
    return index
  }

  mutating func finish() {
    report.reused = report.chunks - report.embedded
    report.seconds = seconds(since: start)
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = start.duration(to: clock.now).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
