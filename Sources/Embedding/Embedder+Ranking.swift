import KingletTransformer

extension Embedder {
  /// Scores texts by how well they answer a query, with a cross-encoder (Nogueira and Cho 2019): higher is better, and
  /// only comparable for one query. Each score is given to `body` with the text's index, in order.
  ///
  /// - Parameters:
  ///   - query: Tokens without the frame, as are those of the texts.
  ///   - overflow: What becomes of a text that does not fit the window beside the query; it is not split.
  /// - Throws: `.unsupported` for a model without a ranking head, `.contextOverflow` with the text's index for a pair that
  ///   is too long, `.cancelled`.
  public func rank(
    _ texts: [[Int32]], for query: [Int32], overflow: EmbeddingOptions.Overflow = .error,
    isCancelled: () -> Bool = { false }, each body: (_ index: Int, _ score: Float, _ droppedTokenCount: Int) -> Void
  ) throws(KingletError) {
    if overflow == .split { throw KingletError(.invalidArgument, "scores of pieces of a text are not averaged") }
    let room = window - frame.pairCount - query.count
    var pairs: [(tokens: [Int32], second: Int)] = []
    var first = 0
    var tokenCount = 0
    func run() throws(KingletError) {
      try encoder.forward(
        pairs.map(\.tokens), seconds: pairs.map(\.second), pooling: .rank, isCancelled: isCancelled
      ) { body(first + $0, $1.first ?? 0, max(0, texts[first + $0].count - room)) }
      first += pairs.count
      pairs.removeAll()
      tokenCount = 0
    }
    for (index, text) in texts.enumerated() {
      guard text.count <= room || overflow == .truncate && room > 0 else {
        throw KingletError(
          .contextOverflow,
          "text \(index) and the query have \(text.count + query.count + frame.pairCount) tokens, the model's window "
            + "\(window)", remedy: "Shorten one of them, or choose to truncate.")
      }
      let pair = frame.around(query, text.prefix(room))
      if !pairs.isEmpty, tokenCount + pair.tokens.count > Self.tokensPerPass { try run() }
      pairs.append(pair)
      tokenCount += pair.tokens.count
    }
    if !pairs.isEmpty { try run() }
  }
}
