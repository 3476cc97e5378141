import Kinglet
import KingletDocuments
import KingletErrors

extension KnowledgeBase {
  /// Hits of each kind that a fusion looks at.
  private static let fusionDepth = 100
  private static let mostHits = 100_000

  /// Finds the chunks that answer a query best.
  ///
  /// - Throws: `.invalidArgument` for options that make no sense, what the store throws, `.cancelled`.
  public func search(_ query: String, options: SearchOptions = .init()) async throws(KingletError) -> [SearchHit] {
    guard (1...Self.mostHits).contains(options.top), (0...1).contains(options.diversity) else {
      throw KingletError(
        .invalidArgument, "\(options.top) hits and a diversity of \(options.diversity) are not possible",
        remedy: "Ask for 1 to \(Self.mostHits) hits, and a diversity in 0 to 1.")
    }
    return try await run { [self] isCancelled throws(KingletError) in
      try find(query, options, isCancelled: isCancelled)
    }
  }

  /// The vector of a query. One that is too long for the model counts with its beginning.
  func vector(of query: String, isCancelled: () -> Bool) throws(KingletError) -> [Float] {
    var vector: [Float] = []
    try embedder.embedder.embed(
      [embedder.tokens(of: settings.queryPrefix + query)], options: .init(normalizes: true, overflow: .truncate),
      isCancelled: isCancelled
    ) { _, embedding in vector = embedding.vector }
    return vector
  }

  private func find(
    _ query: String, _ options: SearchOptions, isCancelled: () -> Bool
  ) throws(KingletError) -> [SearchHit] {
    if KeywordQuery.words(of: query).isEmpty { return [] }
    let isFused = options.mode == .blend || options.mode == .hybrid
    let spare = options.diversity > 0 || options.threshold != nil ? 4 : 1
    let depth = isFused ? max(Self.fusionDepth, 2 * options.top * spare) : options.top * spare
    var dense = ScoredRun()
    var words = ScoredRun()
    var vector: [Float] = []
    if options.mode != .keyword || options.diversity > 0 || options.threshold != nil {
      vector = try self.vector(of: query, isCancelled: isCancelled)
    }
    if options.mode != .keyword { dense = try store.nearest(vector, count: depth, where: options.filter) }
    if options.mode == .blend {
      words = try store.matching(KeywordQuery.withoutFunctionWords(query), count: .max, where: options.filter)
    } else if options.mode != .dense {
      words = try store.matching(query, count: depth, where: options.filter)
    }
    var ranked: [ScoredChunk]
    switch options.mode {
    case .dense: ranked = dense.hits
    case .keyword: ranked = words.hits
    case .hybrid: ranked = Fusion.reciprocalRanks([dense.hits, words.hits])
    case .blend: ranked = try blend(dense, words, depth, vector)
    }
    var cosines = Dictionary(dense.hits.map { ($0.id, $0.score) }) { first, _ in first }
    if options.threshold != nil || options.diversity > 0 || isFused {
      let missing = ranked.prefix(options.top * spare).map(\.id).filter { cosines[$0] == nil }
      for (id, other) in try store.vectors(missing) { cosines[id] = product(vector, other) }
    }
    if let threshold = options.threshold { ranked.removeAll { (cosines[$0.id] ?? -1) < threshold } }
    if options.diversity > 0 { ranked = try diversify(Array(ranked.prefix(options.top * spare)), options) }
    return try hits(Array(ranked.prefix(options.top)), query, cosines, dense, words)
  }

  /// Scores in units of their standard deviation, so that a weight means the same for every query; and a small part for
  /// likeness to the first hits. Of the best `depth` of both kinds.
  private func blend(
    _ dense: ScoredRun, _ words: ScoredRun, _ depth: Int, _ vector: [Float]
  ) throws(KingletError) -> [ScoredChunk] {
    var scores: [Int64: Float] = [:]
    let ids = Set((dense.hits + words.hits.prefix(depth)).map(\.id))
    let matches = words.scores(of: ids)
    // Without those that are gone since they were found: another process has written.
    let vectors = try store.vectors(Array(ids))
    for (id, own) in vectors {
      scores[id] =
        dense.standardized(product(vector, own)) + Fusion.keywordWeight * words.standardized(matches[id])
    }
    let first = Fusion.sorted(scores).prefix(Fusion.feedbackCount).compactMap { vectors[$0.id] }
    guard first.count == Fusion.feedbackCount, dense.deviation > 0, vector.count == first[0].count else {
      return Fusion.sorted(scores)
    }
    let mean = vector.indices.map { index in first.reduce(0) { $0 + $1[index] } / Float(first.count) }
    let spread = try store.spread(of: mean)
    guard spread.deviation > 0 else { return Fusion.sorted(scores) }
    for (id, own) in vectors {
      scores[id, default: 0] += Fusion.feedbackWeight * (product(mean, own) - spread.mean) / spread.deviation
    }
    return Fusion.sorted(scores)
  }

  /// Takes, again and again, the hit that is best for its score less its likeness to those taken.
  private func diversify(_ ranked: [ScoredChunk], _ options: SearchOptions) throws(KingletError) -> [ScoredChunk] {
    let vectors = try store.vectors(ranked.map(\.id))
    guard let best = ranked.first?.score, let worst = ranked.last?.score else { return ranked }
    let range = max(best - worst, .leastNormalMagnitude)
    var rest = ranked
    var taken: [ScoredChunk] = []
    while taken.count < options.top, !rest.isEmpty {
      var (index, highest) = (0, -Float.infinity)
      for (candidate, hit) in rest.enumerated() {
        let likeness =
          taken.map { other in
            vectors[hit.id].flatMap { own in vectors[other.id].map { product(own, $0) } } ?? 0
          }.max() ?? 0
        let value = (1 - options.diversity) * (hit.score - worst) / range - options.diversity * likeness
        if value > highest { (index, highest) = (candidate, value) }
      }
      taken.append(rest.remove(at: index))
    }
    return taken
  }

  private func hits(
    _ ranked: [ScoredChunk], _ query: String, _ cosines: [Int64: Float], _ dense: ScoredRun, _ words: ScoredRun
  ) throws(KingletError) -> [SearchHit] {
    let chunks = Dictionary(try store.chunks(ranked.map(\.id)).map { ($0.id, $0) }) { first, _ in first }
    let documents = Dictionary(
      try store.documents(Array(Set(chunks.values.map(\.document)))).map { ($0.id, $0) }
    ) { first, _ in first }
    let ids = Set(ranked.map(\.id))
    let (denseRanks, keywordRanks, bm25) = (dense.ranks(of: ids), words.ranks(of: ids), words.scores(of: ids))
    let asked = Set(KeywordQuery.words(of: query))
    return ranked.compactMap { hit in
      // Gone since it was found: another process has written.
      guard let chunk = chunks[hit.id], let document = documents[chunk.document] else { return nil }
      let own = keywordRanks[hit.id] == nil ? [] : Set(KeywordQuery.words(of: chunk.text)).intersection(asked).sorted()
      return SearchHit(
        document: document, chunk: chunk, score: hit.score, cosine: cosines[hit.id], bm25: bm25[hit.id],
        denseRank: denseRanks[hit.id], keywordRank: keywordRanks[hit.id], matchedWords: own)
    }
  }
}
