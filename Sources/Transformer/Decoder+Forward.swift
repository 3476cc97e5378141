import KingletErrors
import KingletTensors

extension Decoder {
  /// Tokens that pass through the layers at once: enough to read the weights once for many, few enough that their
  /// activations stay small and a cancellation is soon noticed.
  public static let chunkLength = 256

  /// Runs the tokens of several sequences in one pass, each after what its cache holds, and appends their keys and values:
  /// the weights are read once for all of them.
  ///
  /// A sequence's result has the same bits alone or beside others, however it was cut into calls, whatever the threads and
  /// what was taken from the cache (quantised weights; float weights under `matmul: .simd`).
  ///
  /// - Parameters:
  ///   - spans: Each with tokens and a cache of its own; together few enough for one pass, as `chunkLength` is.
  ///   - isCancelled: Asked between layers. When it says yes, `.cancelled` is thrown.
  ///   - body: Given what each span wants, with the span's index.
  /// - Throws: `.contextOverflow` when a cache has no room, `.invalidArgument` for a token outside the vocabulary. The
  ///   caches are then as they were.
  public func forward(
    _ spans: [SequenceSpan<KVCache>], isCancelled: () -> Bool = { false },
    each body: (Int, SpanOutput) throws(KingletError) -> Void
  ) throws(KingletError) {
    guard !spans.isEmpty else { return }
    let spans = spans.map {
      SequenceSpan($0.tokens, cache: $0.cache, wanted: $0.wanted, adapters: adapters + $0.adapters)
    }
    guard Set(spans.map { ObjectIdentifier($0.cache) }).count == spans.count,
      spans.allSatisfy({ !$0.tokens.isEmpty && $0.cache.type == spans[0].cache.type })
    else {
      throw KingletError(.invalidArgument, "the sequences of a pass need tokens and caches of their own, of one type")
    }
    for span in spans {
      try check(span.tokens.count, fit: span.cache)
      try check(span.adapters)
    }
    try withState { (state) throws(KingletError) in
      try layers(spans, state, isCancelled)
      try tell(spans, state, body)
      for span in spans { span.cache.advance(by: span.tokens.count) }
    }
  }

  /// Runs `tokens` after what the cache holds and appends their keys and values; `logits` receives the row of the last
  /// token, `[vocabularySize]`, reusing its storage.
  ///
  /// - Parameter isCancelled: asked between layers. When it says yes, `.cancelled` is thrown; the cache then holds the
  ///   chunks that were done and nothing of the one that was not.
  /// - Throws: `.contextOverflow` when the cache has no room, `.invalidArgument` for a token outside the vocabulary.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, logits: inout [Float], adapters: [AppliedAdapter] = [],
    isCancelled: () -> Bool = { false }
  ) throws(KingletError) {
    let adapters = self.adapters + adapters
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, adapters, state, isCancelled) { (_, isLast) throws(KingletError) in
        guard isLast else { return }
        try head(state, rows: state.x.rows - 1..<state.x.rows) { adapted in
          adapted.append(0..<1, at: cache.count + state.x.rows - 1, adapters)
        }
        state.logits.copyRow(0, to: &logits)
      }
    }
  }

  /// As above, without logits: for all of a prompt but its last chunk.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, adapters: [AppliedAdapter] = [], isCancelled: () -> Bool = { false }
  ) throws(KingletError) {
    let adapters = self.adapters + adapters
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, adapters, state, isCancelled) { (_, _) throws(KingletError) in }
    }
  }

  /// As above, with the logits of every token, given to `body` a row at a time with the token's index among `tokens`.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, adapters: [AppliedAdapter] = [],
    isCancelled: () -> Bool = { false },
    eachRow body: (Int, borrowing [Float]) throws(KingletError) -> Void
  ) throws(KingletError) {
    // Logits of a whole chunk would take hundreds of megabytes with a large vocabulary.
    let rowsAtOnce = max(8, min(128, (64 << 20) / (4 * vocabularySize)))
    var row: [Float] = []
    let adapters = self.adapters + adapters
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, adapters, state, isCancelled) { (first, _) throws(KingletError) in
        var begin = 0
        while begin < state.x.rows {
          let end = min(state.x.rows, begin + rowsAtOnce)
          try head(state, rows: begin..<end) { adapted in
            adapted.append(0..<end - begin, at: cache.count + begin, adapters)
          }
          for index in begin..<end {
            state.logits.copyRow(index - begin, to: &row)
            try body(first + index, row)
          }
          begin = end
        }
      }
    }
  }

  /// One sequence, chunk by chunk. After each chunk `finish` finds its residual stream in the state.
  private func run(
    _ tokens: ArraySlice<Int32>, _ cache: KVCache, _ adapters: [AppliedAdapter], _ state: DecoderState,
    _ isCancelled: () -> Bool, finish: (_ first: Int, _ isLast: Bool) throws(KingletError) -> Void
  ) throws(KingletError) {
    try check(tokens.count, fit: cache)
    try check(adapters)
    var done = 0
    while done < tokens.count {
      let length = min(Self.chunkLength, tokens.count - done)
      let chunk = tokens[(tokens.startIndex + done)..<(tokens.startIndex + done + length)]
      try layers([SequenceSpan(chunk, cache: cache, wanted: .nothing, adapters: adapters)], state, isCancelled)
      try finish(done, done + length == tokens.count)
      cache.advance(by: length)
      done += length
    }
  }

  private func check(_ count: Int, fit cache: KVCache) throws(KingletError) {
    guard count <= cache.capacity - cache.count else {
      throw KingletError(
        .contextOverflow, "\(cache.count + count) tokens do not fit a context of \(cache.capacity)",
        remedy: "Choose a larger context, or a shorter text.")
    }
  }

  func check(_ adapters: [AppliedAdapter]) throws(KingletError) {
    try adapters.check(owner: weightsIdentity)
  }

  /// Leaves the residual stream of all spans in the state, one after another.
  private func layers(
    _ spans: [SequenceSpan<KVCache>], _ state: DecoderState, _ isCancelled: () -> Bool
  ) throws(KingletError) {
    let tokens = spans.count == 1 ? spans[0].tokens : spans.flatMap(\.tokens)[...]
    try state.compute.embed(tokens, from: weights.embedding, scale: description.embeddingScale, to: state.x)
    let updates = state.updates.updates(of: try addEmbeddings(spans, state), layerCount: blocks.count)
    for layer in blocks.indices {
      if isCancelled() { throw KingletError(.cancelled, "the forward pass was cancelled") }
      var end = 0
      let sequences = spans.map { span in
        end += span.tokens.count
        return SequenceRows(
          rows: end - span.tokens.count..<end, cache: span.cache.layers[layer], start: span.cache.count)
      }
      try blocks[layer].forward(
        state, sequences: sequences, rotary: state.rotaries[description.layers[layer].rotation],
        updates: updates[layer])
    }
  }

  /// Adds what adapters change of embeddings, and returns which rows have adapters.
  private func addEmbeddings(
    _ spans: [SequenceSpan<KVCache>], _ state: DecoderState
  ) throws(KingletError) -> [AdaptedRows] {
    var adapted: [AdaptedRows] = []
    var end = 0
    for span in spans {
      let rows = end..<end + span.tokens.count
      end = rows.upperBound
      adapted.append(rows, at: span.cache.count, span.adapters)
    }
    if !adapted.isEmpty {
      let tokens = spans.flatMap(\.tokens)
      try state.compute.add(
        adapted, to: state.x, of: tokens[...], embedding: weights.embedding, scale: description.embeddingScale)
    }
    return adapted
  }

  /// What the spans want to know of their last tokens.
  private func tell(
    _ spans: [SequenceSpan<KVCache>], _ state: DecoderState, _ body: (Int, SpanOutput) throws(KingletError) -> Void
  ) throws(KingletError) {
    var end = 0
    let lastRows = spans.map { span in
      end += span.tokens.count
      return end - 1
    }
    let wanting = spans.indices.filter { spans[$0].wanted != .nothing }
    guard let first = wanting.first else { return }
    if wanting.count == 1, spans[first].wanted == .mostLikely,
      spans[first].adapters.allSatisfy({ $0.adapter.head == nil })
    {
      // The greedy choice alone needs no row of logits.
      try state.chosen.takeRows([lastRows[first]], of: state.x)
      let n = try state.compute.prepare(state.chosen, norm: weights.outputNorm, for: [weights.head])
      let best = try state.compute.indexOfLargestProduct(n, weights.head)
      return try body(first, .mostLikely(Int32(truncatingIfNeeded: best)))
    }
    try head(state, rows: wanting.map { lastRows[$0] }) { adapted in
      for (row, index) in wanting.enumerated() {
        let span = spans[index]
        adapted.append(row..<row + 1, at: span.cache.count + span.tokens.count - 1, span.adapters)
      }
    }
    var logits: [Float] = []
    for (row, index) in wanting.enumerated() {
      switch spans[index].wanted {
      case .mostLikely:
        try body(index, .mostLikely(Int32(truncatingIfNeeded: state.compute.indexOfMaximum(state.logits, row: row))))
      default:
        state.logits.copyRow(row, to: &logits)
        try body(index, .logits(logits))
      }
    }
  }

  /// Logits of some rows of the residual stream: `head(norm(x))`.
  ///
  /// - Parameter adapters: Says which of those rows have adapters.
  private func head(
    _ state: DecoderState, rows: some Collection<Int>, adapters: (inout [AdaptedRows]) -> Void
  ) throws(KingletError) {
    var adapted: [AdaptedRows] = []
    adapters(&adapted)
    try state.chosen.takeRows(rows, of: state.x)
    let n = try state.compute.prepare(
      state.chosen, norm: weights.outputNorm, for: [weights.head], updates: adapted.updates { $0.headUpdate })
    try state.compute.project(n, [Projection(weights.head, to: state.logits)])
    for part in adapted {
      for applied in part.adapters {
        guard case .replacement(let head) = applied.adapter.head else { continue }
        let own = FloatMatrix(columns: state.chosen.columns)
        try own.takeRows(part.rows, of: state.chosen)
        let n = try state.compute.prepare(own, norm: weights.outputNorm, for: [head, weights.head])
        let logits = [head, weights.head].map { FloatMatrix(columns: $0.rows) }
        try state.compute.project(n, [Projection(head, to: logits[0]), Projection(weights.head, to: logits[1])])
        for (logits, sign) in zip(logits, [1, -1] as [Float]) {
          try state.compute.add(logits, times: sign * applied.strength, to: state.logits, rows: part.rows)
        }
      }
    }
  }
}
