import KingletErrors
import KingletTensors

extension Decoder {
  /// Tokens that pass through the layers at once: enough to read the weights once for many, few enough that their
  /// activations stay small and a cancellation is soon noticed.
  public static let chunkLength = 256

  /// Runs `tokens` after what the cache holds and appends their keys and values; `logits` receives the row of the last
  /// token, `[vocabularySize]`, reusing its storage.
  ///
  /// The result does not depend on how a sequence was cut into calls, on threads, or on what was taken from the cache.
  ///
  /// - Parameter isCancelled: asked between layers. When it says yes, `.cancelled` is thrown; the cache then holds the
  ///   chunks that were done and nothing of the one that was not.
  /// - Throws: `.contextOverflow` when the cache has no room, `.invalidArgument` for a token outside the vocabulary.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, logits: inout [Float], isCancelled: () -> Bool = { false }
  ) throws(KingletError) {
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, state, isCancelled) { (_, isLast) throws(KingletError) in
        guard isLast else { return }
        try head(state, rows: state.x.rows - 1..<state.x.rows)
        state.logits.copyRow(0, to: &logits)
      }
    }
  }

  /// Runs `tokens` in the same way and returns the token with the largest logit, the lowest in a tie: the greedy choice,
  /// without a row of logits being made.
  public func mostLikelyToken(
    after tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool = { false }
  ) throws(KingletError) -> Int32 {
    var best = 0
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, state, isCancelled) { (_, isLast) throws(KingletError) in
        guard isLast else { return }
        try state.chosen.takeRows(state.x.rows - 1..<state.x.rows, of: state.x)
        let n = try state.compute.prepare(state.chosen, norm: weights.outputNorm, for: [weights.head])
        best = try state.compute.indexOfLargestProduct(n, weights.head)
      }
    }
    return Int32(truncatingIfNeeded: best)
  }

  /// As above, without logits: for all of a prompt but its last chunk.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool = { false }
  ) throws(KingletError) {
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, state, isCancelled) { (_, _) throws(KingletError) in }
    }
  }

  /// As above, with the logits of every token, given to `body` a row at a time with the token's index among `tokens`.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool = { false },
    eachRow body: (Int, borrowing [Float]) throws(KingletError) -> Void
  ) throws(KingletError) {
    // Logits of a whole chunk would take hundreds of megabytes with a large vocabulary.
    let rowsAtOnce = max(8, min(128, (64 << 20) / (4 * vocabularySize)))
    var row: [Float] = []
    try withState { (state) throws(KingletError) in
      try run(tokens, cache, state, isCancelled) { (first, _) throws(KingletError) in
        var begin = 0
        while begin < state.x.rows {
          let end = min(state.x.rows, begin + rowsAtOnce)
          try head(state, rows: begin..<end)
          for index in begin..<end {
            state.logits.copyRow(index - begin, to: &row)
            try body(first + index, row)
          }
          begin = end
        }
      }
    }
  }

  /// The layers, chunk by chunk. After each chunk `finish` finds its residual stream in the state.
  private func run(
    _ tokens: ArraySlice<Int32>, _ cache: KVCache, _ state: DecoderState, _ isCancelled: () -> Bool,
    finish: (_ first: Int, _ isLast: Bool) throws(KingletError) -> Void
  ) throws(KingletError) {
    guard tokens.count <= cache.capacity - cache.count else {
      throw KingletError(
        .contextOverflow,
        "\(cache.count + tokens.count) tokens do not fit a context of \(cache.capacity)",
        remedy: "Choose a larger context, or a shorter text.")
    }
    var done = 0
    while done < tokens.count {
      let length = min(Self.chunkLength, tokens.count - done)
      let chunk = tokens[(tokens.startIndex + done)..<(tokens.startIndex + done + length)]
      try state.compute.embed(chunk, from: weights.embedding, scale: description.embeddingScale, to: state.x)
      for layer in blocks.indices {
        if isCancelled() { throw KingletError(.cancelled, "the forward pass was cancelled") }
        try blocks[layer].forward(
          state, cache: cache.layers[layer], rotary: state.rotaries[description.layers[layer].rotation],
          start: cache.count)
      }
      try finish(done, done + length == tokens.count)
      cache.advance(by: length)
      done += length
    }
  }

  /// Logits of some rows of the residual stream: `head(norm(x))`.
  private func head(_ state: DecoderState, rows: Range<Int>) throws(KingletError) {
    try state.chosen.takeRows(rows, of: state.x)
    let n = try state.compute.prepare(state.chosen, norm: weights.outputNorm, for: [weights.head])
    try state.compute.project(n, [Projection(weights.head, to: state.logits)])
  }
}
