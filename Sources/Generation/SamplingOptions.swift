import KingletErrors

/// How the next token is drawn from the logits.
///
/// The steps run in the order in which most engines run them: repetition penalty, top-k, top-p, min-p, temperature,
/// draw. The three truncations therefore judge the model's own probabilities, each on what the one before it left, and
/// a high temperature cannot bring back what they removed.
public struct SamplingOptions: Sendable, Equatable {
  /// Divides the logits before the draw. 0 means greedy: always the best token (after the penalty), the lowest id of
  /// equals; top-k, top-p, min-p and the seed then have no effect, since none of them ever removes the best.
  public var temperature: Float
  /// Keeps this many of the best tokens; nil keeps all.
  public var topK: Int?
  /// Keeps the fewest best tokens whose probabilities sum to at least this, in 0 to 1; nil keeps all.
  public var topP: Float?
  /// Keeps the tokens at least this times as probable as the best, in 0 to 1; nil keeps all.
  public var minP: Float?
  /// Divides the positive logits, and multiplies the negative ones, of tokens seen lately; 1 leaves them alone.
  public var repetitionPenalty: Float
  /// How many of the last tokens, prompt included, count as seen lately.
  public var repetitionWindow: Int
  /// The start of the random sequence: same seed and same logits, same text, on every platform. nil takes a new one
  /// for every request and reports it in `GenerationSummary/seed`.
  public var seed: UInt64?

  /// Always the best token, nothing penalised. The default: it repeats itself on every run.
  public static let greedy = SamplingOptions()

  public init(
    temperature: Float = 0, topK: Int? = nil, topP: Float? = nil, minP: Float? = nil, repetitionPenalty: Float = 1,
    repetitionWindow: Int = 64, seed: UInt64? = nil
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.repetitionWindow = repetitionWindow
    self.seed = seed
  }

  /// Throws `.invalidArgument` naming the first option outside its range.
  public func validate() throws(KingletError) {
    try require(temperature >= 0 && temperature.isFinite, "temperature \(temperature)", "0 or more, and finite")
    try require(topK.map { $0 >= 1 } ?? true, "top-k \(topK ?? 0)", "1 or more")
    try require(topP.map { $0 > 0 && $0 <= 1 } ?? true, "top-p \(topP ?? 0)", "above 0 and at most 1")
    try require(minP.map { $0 >= 0 && $0 <= 1 } ?? true, "min-p \(minP ?? 0)", "between 0 and 1")
    try require(
      repetitionPenalty > 0 && repetitionPenalty.isFinite, "repetition penalty \(repetitionPenalty)",
      "above 0, and finite")
    try require(repetitionWindow >= 0, "repetition window \(repetitionWindow)", "0 or more")
  }
}

/// `.invalidArgument` unless `condition` holds.
func require(_ condition: Bool, _ what: String, _ range: String) throws(KingletError) {
  guard condition else { throw KingletError(.invalidArgument, "\(what) is not possible: it must be \(range)") }
}
