import KingletErrors

/// Picks tokens from logits: see `SamplingOptions` for the steps and their order.
///
/// Neither the greedy choice nor top-k sorts the vocabulary: they take O(V) and O(V log k). Logits that are not numbers
/// count as the lowest; nothing the row can hold traps.
public struct Sampler: Sendable {
  /// The seed in use: the caller's, or the one taken in its place.
  public let seed: UInt64

  private let isGreedy: Bool
  private let penalty: RepetitionPenalty?
  private let topK: Int?
  private let steps: [any SamplingStep]
  private let drawing: TemperatureDraw
  private let alternatives: Int?
  private var random: SplitMix64

  /// - Parameter logProbabilities: as in `GenerationOptions/logProbabilities`.
  /// - Throws: `.invalidArgument` for an option outside its range.
  public init(_ options: SamplingOptions, logProbabilities: Int? = nil) throws(KingletError) {
    try options.validate()
    try require(logProbabilities.map { $0 >= 0 } ?? true, "\(logProbabilities ?? 0) alternatives", "0 or more")
    seed = options.seed ?? UInt64.random(in: .min ... .max)
    random = SplitMix64(seed: seed)
    isGreedy = options.temperature == 0
    penalty =
      options.repetitionPenalty == 1
      ? nil : RepetitionPenalty(penalty: options.repetitionPenalty, window: options.repetitionWindow)
    topK = options.topK
    var steps: [any SamplingStep] = []
    if let mass = options.topP, mass < 1 { steps.append(TopP(mass: mass)) }
    if let share = options.minP, share > 0 { steps.append(MinP(share: share)) }
    self.steps = steps
    drawing = TemperatureDraw(temperature: options.temperature)
    alternatives = logProbabilities
  }

  /// Whether all that is ever asked of the logits is which one is largest.
  var needsOnlyLargest: Bool { isGreedy && penalty == nil && alternatives == nil }

  /// The next token.
  ///
  /// - Parameters:
  ///   - row: logits `[vocabulary]`. Scratch: NaN and infinities may come back as finite numbers, all else as it was.
  ///   - history: the tokens before this one, prompt included, for the repetition penalty.
  public mutating func next(_ row: inout [Float], after history: [Int32]) -> SampledToken {
    if !isGreedy || alternatives != nil { makeComparable(&row) }
    let replaced = penalty?.apply(to: &row, after: history) ?? []
    let id = isGreedy ? greedy(row) : draw(row)
    for (index, logit) in replaced { row[index] = logit }
    return SampledToken(id: id, logProbability: alternatives.map { TokenLogProbability(of: id, in: row, best: $0) })
  }

  private func greedy(_ row: [Float]) -> Int32 {
    var best = -Float.infinity
    var id = 0
    // A NaN is never above the best.
    for index in row.indices where row[index] > best {
      best = row[index]
      id = index
    }
    return Int32(truncatingIfNeeded: id)
  }

  private mutating func draw(_ row: [Float]) -> Int32 {
    var candidates =
      if let topK, topK < row.count { Candidates(best: topK, of: row) } else { Candidates(all: row) }
    for step in steps { step.apply(to: &candidates) }
    return drawing.draw(from: candidates, with: &random)
  }
}

/// A token and, if asked for, its log-probability.
public struct SampledToken: Sendable, Equatable {
  public let id: Int32
  public let logProbability: TokenLogProbability?
}
