import KingletErrors
import KingletTensors

extension Encoder {
  /// Runs whole sequences in one pass and gives the pooled result of each to `body`, with the sequence's index.
  ///
  /// Sequences are packed without padding, and none sees another: a sequence's result has the same bits alone or with
  /// others, on any number of threads (float weights: not under `--matmul blas`). Results have `dimensions` numbers; with
  /// `.none` the sequence's `[tokens, hiddenSize]`, row by row; with `.rank` the scores of the model's labels. None is
  /// scaled to unit length.
  ///
  /// - Parameters:
  ///   - seconds: For sequences that are pairs of texts, where the second begins; nil for single texts.
  ///   - isCancelled: Asked between layers; yes makes the call throw `.cancelled`.
  /// - Throws: `.contextOverflow` for a sequence that is too long, `.invalidArgument` for an empty one or a token outside
  ///   the vocabulary, `.unsupported` for ranks of a model without a ranking head.
  public func forward(
    _ sequences: [[Int32]], seconds: [Int]? = nil, pooling: Pooling, isCancelled: () -> Bool = { false },
    each body: (Int, [Float]) -> Void
  ) throws(KingletError) {
    try check(sequences, pooling)
    if let seconds, seconds.count != sequences.count {
      throw KingletError(
        .invalidArgument, "\(seconds.count) second texts do not belong to \(sequences.count) sequences")
    }
    guard !sequences.isEmpty else { return }
    try withState { (s) throws(KingletError) in
      var rows: [Range<Int>] = []
      for sequence in sequences {
        let first = rows.last?.upperBound ?? 0
        rows.append(first..<first + sequence.count)
      }
      let adapted = adapters.isEmpty ? [] : [AdaptedRows(rows: 0..<(rows.last?.upperBound ?? 0), adapters: adapters)]
      try embed(sequences, rows, seconds, adapted, s)
      for (index, block) in blocks.enumerated() {
        if isCancelled() { throw KingletError(.cancelled, "the forward pass was cancelled") }
        try block.forward(s, sequences: rows, index: index, adapted: adapted)
      }
      if let norm = weights.outputNorm { try s.compute.normalize(s.x, norm) }
      if pooling == .none { return s.x.give(rows, to: body) }
      try s.compute.pool(s.x, sequences: rows, pooling.rows, to: s.pooled)
      try (pooling == .rank ? score(s) : project(s)).give(sequences.indices.map { $0..<$0 + 1 }, to: body)
    }
  }

  private func check(_ sequences: [[Int32]], _ pooling: Pooling) throws(KingletError) {
    if pooling == .rank, !canRank {
      throw KingletError(
        .unsupported, "the model has no head that ranks", remedy: "Use a cross-encoder, also called a reranker.")
    }
    for (index, sequence) in sequences.enumerated() {
      guard !sequence.isEmpty else { throw KingletError(.invalidArgument, "sequence \(index) has no tokens") }
      guard sequence.count <= trainedContextLength else {
        throw KingletError(
          .contextOverflow, "sequence \(index) has \(sequence.count) tokens, the model takes \(trainedContextLength)")
      }
    }
  }

  /// The sum of what is known of each token before it meets the others.
  private func embed(
    _ sequences: [[Int32]], _ rows: [Range<Int>], _ seconds: [Int]?, _ adapted: [AdaptedRows], _ s: EncoderState
  ) throws(KingletError) {
    let tokens = sequences.flatMap { $0 }[...]
    try s.compute.embed(tokens, from: weights.embedding, scale: description.embeddingScale, to: s.x)
    try s.compute.add(adapted, to: s.x, of: tokens, embedding: weights.embedding, scale: description.embeddingScale)
    if let first = weights.tokenTypes.first {
      for (i, rows) in rows.enumerated() {
        let second = rows.lowerBound + min(max(0, seconds?[i] ?? rows.count), rows.count)
        try s.compute.add(first, to: s.x, rows: rows.lowerBound..<second)
        try s.compute.add(weights.tokenTypes.last ?? first, to: s.x, rows: second..<rows.upperBound)
      }
    }
    if let positions = weights.positions {
      try s.compute.add(sequences.flatMap { 0..<$0.count }, of: positions, to: s.x)
    }
    if let norm = weights.embeddingNorm { try s.compute.normalize(s.x, norm) }
  }

  /// The pooled vectors, after the projections of models that have them.
  private func project(_ s: EncoderState) throws(KingletError) -> FloatMatrix {
    var x = s.pooled
    for matrix in weights.projections { x = try product(x, matrix, bias: nil, activation: nil, s) }
    return x
  }

  private func score(_ s: EncoderState) throws(KingletError) -> FloatMatrix {
    var x = s.pooled
    guard let head = weights.rankingHead else { return x }
    if let dense = head.dense { x = try product(x, dense, bias: head.denseBias, activation: .tanh, s) }
    if let output = head.output { x = try product(x, output, bias: head.outputBias, activation: nil, s) }
    return x
  }

  private func product(
    _ x: FloatMatrix, _ matrix: PackedMatrix, bias: FloatVector?, activation: Activation?, _ s: EncoderState
  ) throws(KingletError) -> FloatMatrix {
    let output = FloatMatrix(columns: matrix.rows)
    let input = try s.compute.prepare(x, for: [matrix])
    try s.compute.project(input, [Projection(matrix, bias: bias, activation: activation, to: output)])
    return output
  }
}

extension Pooling {
  /// Which rows of a sequence make its vector.
  fileprivate var rows: PooledRows {
    switch self {
    case .none, .mean: .mean
    case .cls, .rank: .first
    case .last: .last
    }
  }
}

extension FloatMatrix {
  /// Gives ranges of rows to `body`, one after another.
  fileprivate func give(_ ranges: [Range<Int>], to body: (Int, [Float]) -> Void) {
    var row: [Float] = []
    for (index, range) in ranges.enumerated() {
      var values: [Float] = []
      values.reserveCapacity(range.count * columns)
      for i in range {
        copyRow(i, to: &row)
        values.append(contentsOf: row)
      }
      body(index, values)
    }
  }
}
