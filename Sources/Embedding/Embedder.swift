import KingletTransformer

/// An encoder, and what it wants around its texts.
public struct Embedder: Sendable {
  public let encoder: Encoder
  public let frame: TextFrame
  /// The longest text that the model was made for, in tokens, those of the frame included.
  public let window: Int
  /// Whether the model's vectors are to have unit length.
  public let normalizes: Bool

  /// Tokens that pass through the encoder at once: enough to read the weights once for many, few enough that their
  /// activations stay in the caches. Texts are never cut for it.
  static let tokensPerPass = 512

  /// - Parameter window: at most what the encoder takes.
  public init(_ encoder: Encoder, frame: TextFrame, window: Int? = nil, normalizes: Bool = true) {
    self.encoder = encoder
    self.frame = frame
    self.window = min(window ?? encoder.trainedContextLength, encoder.trainedContextLength)
    self.normalizes = normalizes
  }

  /// The same with adapters applied to every text.
  ///
  /// - Throws: `.invalidArgument` for an adapter that was made ready for another encoder.
  public func adapted(by adapters: [AppliedAdapter]) throws(KingletError) -> Embedder {
    Embedder(try encoder.adapted(by: adapters), frame: frame, window: window, normalizes: normalizes)
  }

  /// Embeds texts, given as tokens without the frame, and gives each result to `body` with the text's index, in order.
  ///
  /// Memory does not grow with the number of texts. A text's vector has the same bits alone or among others (quantised
  /// weights; float weights unless `--matmul blas`).
  ///
  /// - Parameters:
  ///   - isCancelled: Asked between layers; yes makes the call throw `.cancelled`. What `body` has been given stays.
  /// - Throws: `.contextOverflow` with the text's index for a text that is too long, `.invalidArgument` for options the
  ///   model cannot follow, or what `body` throws.
  public func embed(
    _ texts: some Sequence<[Int32]>, options: EmbeddingOptions = .init(), isCancelled: () -> Bool = { false },
    each body: (Int, Embedding) throws(KingletError) -> Void
  ) throws(KingletError) {
    let plan = try EmbeddingPlan(options, for: self)
    var pass: [TextWindow] = []
    var tokenCount = 0
    var unfinished: WindowSum?
    func run() throws(KingletError) {
      var results = [[Float]](repeating: [], count: pass.count)
      try encoder.forward(pass.map(\.tokens), pooling: plan.pooling, isCancelled: isCancelled) { results[$0] = $1 }
      for (window, vector) in zip(pass, results) {
        var sum = unfinished ?? WindowSum()
        sum.add(vector, of: window)
        unfinished = window.isLast ? nil : sum
        if window.isLast { try body(window.text, plan.finish(sum)) }
      }
      pass.removeAll()
      tokenCount = 0
    }
    for (index, text) in texts.enumerated() {
      for window in try plan.windows(of: text, index: index) {
        if !pass.isEmpty, tokenCount + window.tokens.count > Self.tokensPerPass { try run() }
        pass.append(window)
        tokenCount += window.tokens.count
      }
    }
    if !pass.isEmpty { try run() }
  }
}

/// What options mean for a model: checked once, then applied to every text.
private struct EmbeddingPlan {
  let pooling: Pooling
  private let options: EmbeddingOptions
  private let normalizes: Bool
  private let frame: TextFrame
  private let window: Int

  init(_ options: EmbeddingOptions, for embedder: Embedder) throws(KingletError) {
    let encoder = embedder.encoder
    self.options = options
    normalizes = options.normalizes ?? embedder.normalizes
    frame = embedder.frame
    pooling = options.pooling ?? encoder.description.pooling
    window = options.window ?? embedder.window
    guard (frame.count + 1...max(frame.count + 1, encoder.trainedContextLength)).contains(window) else {
      throw KingletError(
        .invalidArgument, "a window of \(window) tokens is not possible",
        remedy: "The model takes \(frame.count + 1) to \(encoder.trainedContextLength).")
    }
    if let wanted = options.dimensions, !(1...encoder.dimensions).contains(wanted) {
      throw KingletError(
        .invalidArgument, "\(wanted) dimensions are not to be had", remedy: "The model has \(encoder.dimensions).")
    }
    if pooling == .none || pooling == .rank, options.dimensions != nil || options.overflow == .split {
      throw KingletError(.invalidArgument, "vectors of single tokens and scores are neither shortened nor averaged")
    }
  }

  func windows(of text: [Int32], index: Int) throws(KingletError) -> [TextWindow] {
    let room = window - frame.count
    if text.count <= room { return [TextWindow(frame, text[...], text: index)] }
    switch options.overflow {
    case .error:
      throw KingletError(
        .contextOverflow,
        "text \(index) has \(text.count + frame.count) tokens, the model's window \(window)",
        remedy: "Shorten it, or choose to truncate or to split.")
    case .truncate:
      return [TextWindow(frame, text.prefix(room), dropping: text.count - room, text: index)]
    case .split:
      return stride(from: 0, to: text.count, by: room).map { first in
        let end = min(text.count, first + room)
        return TextWindow(frame, text[first..<end], text: index, isLast: end == text.count)
      }
    }
  }

  /// The vector of a text whose windows are all there.
  func finish(_ sum: WindowSum) throws(KingletError) -> Embedding {
    var vector = sum.mean
    if let dimensions = options.dimensions { vector.removeLast(vector.count - dimensions) }
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length.isFinite else {
      throw KingletError(
        .unsupported, "the model's numbers have overflowed", remedy: "Use weights of another type, such as F32 or Q8_0."
      )
    }
    if normalizes, pooling != .none, pooling != .rank, length > 0 {
      let scale = Float(1 / length)
      for i in vector.indices { vector[i] *= scale }
    }
    return Embedding(
      vector: vector, tokenCount: sum.tokenCount, droppedTokenCount: sum.droppedCount, windowCount: sum.windowCount)
  }
}

/// A piece of a text, as the encoder gets it.
private struct TextWindow {
  let text: Int
  let tokens: [Int32]
  let contentCount: Int
  let droppedCount: Int
  let isLast: Bool

  init(_ frame: TextFrame, _ content: ArraySlice<Int32>, dropping: Int = 0, text: Int, isLast: Bool = true) {
    self.text = text
    tokens = frame.around(content)
    contentCount = content.count
    droppedCount = dropping
    self.isLast = isLast
  }
}

/// The vectors of a text's windows, added up.
private struct WindowSum {
  private var vector: [Float] = []
  private var weight = 0
  private(set) var tokenCount = 0
  private(set) var droppedCount = 0
  private(set) var windowCount = 0

  mutating func add(_ values: [Float], of window: TextWindow) {
    if windowCount == 0 {
      vector = values
      weight = window.contentCount
    } else {
      // From the mean to the sum once a second window comes, so that a single one is not rounded.
      if windowCount == 1 { for i in vector.indices { vector[i] *= Float(weight) } }
      for i in vector.indices { vector[i] += values[i] * Float(window.contentCount) }
      weight += window.contentCount
    }
    tokenCount += window.tokens.count
    droppedCount += window.droppedCount
    windowCount += 1
  }

  var mean: [Float] { windowCount > 1 ? vector.map { $0 / Float(weight) } : vector }
}
