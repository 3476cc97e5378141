import KingletErrors
import KingletTensors
import Synchronization

/// An adapter that has been made ready for one model: changes of its matrices, which stay as they are.
///
/// `Sendable` and to be shared by any number of sequences. It is unloaded when nobody holds it any more.
public final class LoadedAdapter: Sendable {
  /// What changes in a layer, by the input that the matrices are multiplied by.
  struct Layer: Sendable {
    var attention: LowRankUpdate?
    var output: LowRankUpdate?
    var feedForward: LowRankUpdate?
    var down: LowRankUpdate?
  }

  /// What takes the place of embeddings or head, or changes them.
  enum Change<Update: Sendable>: Sendable {
    case update(Update)
    case replacement(PackedMatrix)

    func byteCount(_ ofUpdate: (Update) -> Int) -> Int {
      switch self {
      case .update(let update): ofUpdate(update)
      case .replacement(let matrix): matrix.byteCount
      }
    }
  }

  let layers: [Layer]
  let head: Change<LowRankUpdate>?
  let embedding: Change<EmbeddingUpdate>?
  /// Tokens that switch it on; empty for an adapter that is always on. See `AppliedAdapter.starting(in:)`.
  public let invocation: [Int32]
  /// What it changes weights and biases by is not above this.
  let changeBound: Double
  /// The identity of the model's weights.
  let owner: ObjectIdentifier
  /// Its own among all that are ever loaded.
  let number = LoadedAdapter.numbers.wrappingAdd(1, ordering: .relaxed).newValue
  /// Bytes of memory.
  public let byteCount: Int
  private static let numbers = Atomic(0)

  init(
    layers: [Layer], head: Change<LowRankUpdate>?, embedding: Change<EmbeddingUpdate>?, invocation: [Int32],
    changeBound: Double, owner: ObjectIdentifier
  ) {
    self.layers = layers
    self.head = head
    self.embedding = embedding
    self.invocation = invocation
    self.changeBound = changeBound
    self.owner = owner
    let updates = layers.flatMap { [$0.attention, $0.output, $0.feedForward, $0.down].compactMap { $0?.byteCount } }
    byteCount =
      updates.reduce(0, +) + (head?.byteCount(\.byteCount) ?? 0) + (embedding?.byteCount(\.byteCount) ?? 0)
  }

  /// The adapter with another strength: 1 as it was trained, 0 as if it were not there.
  public func scaled(_ strength: Float) -> AppliedAdapter { AppliedAdapter(self, strength: strength) }
}

/// An adapter and how strongly it is applied. Several of them on one sequence add up.
public struct AppliedAdapter: Sendable, Equatable {
  public let adapter: LoadedAdapter
  public let strength: Float
  /// The position from which on it is applied; nil where the sequence has still to be looked at.
  public private(set) var start: Int?

  public init(_ adapter: LoadedAdapter, strength: Float = 1) {
    self.adapter = adapter
    self.strength = strength
    start = adapter.invocation.isEmpty ? 0 : nil
  }

  /// The same for a sequence that begins with these tokens.
  ///
  /// An adapter with invocation tokens (activated LoRA, Greenewald et al. 2025) is applied from where they last begin, and
  /// not at all without them: what comes before is computed, and remembered, as without it.
  public func starting(in prompt: [Int32]) -> AppliedAdapter {
    var applied = self
    let marks = adapter.invocation
    guard !marks.isEmpty else { return self }
    applied.start =
      stride(from: prompt.count - marks.count, through: 0, by: -1).first {
        prompt[$0..<$0 + marks.count].elementsEqual(marks)
      } ?? .max
    return applied
  }

  public static func == (a: AppliedAdapter, b: AppliedAdapter) -> Bool {
    a.adapter === b.adapter && a.strength == b.strength && a.start == b.start
  }
}

extension [AppliedAdapter] {
  /// How many tokens of a sequence are computed in the same way with these and with others: `.max` where all are.
  public func commonLength(with others: [AppliedAdapter]) -> Int {
    let starts = Set((self + others).map { $0.start ?? 0 }).sorted()
    return starts.first { active(at: $0) != others.active(at: $0) } ?? .max
  }

  /// Those that are applied at a position, without regard of where they began.
  fileprivate func active(at position: Int) -> [AppliedAdapter] {
    compactMap { ($0.start ?? 0) <= position ? AppliedAdapter($0.adapter, strength: $0.strength) : nil }
  }
}

/// The adapters of some rows of a pass.
struct AdaptedRows {
  let rows: Range<Int>
  let adapters: [AppliedAdapter]
}

extension [AdaptedRows] {
  /// Adds some rows of one sequence, the first of which is at `position` of it.
  mutating func append(_ rows: Range<Int>, at position: Int, _ adapters: [AppliedAdapter]) {
    guard !adapters.isEmpty else { return }
    let cuts = adapters.map { rows.lowerBound + Swift.min(Swift.max(($0.start ?? 0) - position, 0), rows.count) }
    let bounds = Set(cuts + [rows.upperBound]).sorted()
    for (first, end) in zip(bounds, bounds.dropFirst()) {
      let active = adapters.active(at: position + first - rows.lowerBound)
      // Neighbours with the same adapters are one: their rows go through the kernels together.
      if let last, last.rows.upperBound == first, last.adapters == active {
        self[count - 1] = AdaptedRows(rows: last.rows.lowerBound..<end, adapters: active)
      } else if !active.isEmpty {
        append(AdaptedRows(rows: first..<end, adapters: active))
      }
    }
  }

  /// What the adapters change of the matrices that are multiplied by one input.
  func updates(_ update: (LoadedAdapter) -> LowRankUpdate?) -> InputUpdates? {
    var updates: [AppliedUpdate] = []
    for part in self {
      for applied in part.adapters {
        guard let own = update(applied.adapter) else { continue }
        updates.append(AppliedUpdate(own, rows: part.rows, strength: applied.strength))
      }
    }
    return InputUpdates(updates)
  }
}

extension LoadedAdapter {
  var headUpdate: LowRankUpdate? { if case .update(let update) = head { update } else { nil } }
}

extension [AppliedAdapter] {
  /// - Throws: `.invalidArgument` for one that cannot be applied to a model.
  func check(owner: ObjectIdentifier) throws(KingletError) {
    guard allSatisfy({ $0.adapter.owner == owner && $0.strength.isFinite }) else {
      throw KingletError(
        .invalidArgument, "an adapter was made ready for another model, or its strength is no number",
        remedy: "Load the adapter with the model it is used on.")
    }
    guard allSatisfy({ abs(Double($0.strength)) * $0.adapter.changeBound <= AdapterUpdate.largestChange }) else {
      throw KingletError(
        .invalidArgument, "the strength of an adapter changes weights too much for finite results in single precision",
        remedy: "Choose a smaller strength.")
    }
    guard allSatisfy({ $0.start != nil }) else {
      throw KingletError(
        .invalidArgument, "an adapter is switched on by tokens of the prompt, which nobody has looked at",
        remedy: "Apply what `starting(in:)` returns for the prompt.")
    }
  }
}

extension Compute {
  /// Changes embeddings, which are those of `tokens`, as adapters say.
  func add(
    _ adapted: [AdaptedRows], to x: FloatMatrix, of tokens: ArraySlice<Int32>, embedding: PackedMatrix, scale: Float
  ) throws(KingletError) {
    for part in adapted {
      let own = tokens[tokens.startIndex + part.rows.lowerBound..<tokens.startIndex + part.rows.upperBound]
      for applied in part.adapters {
        switch applied.adapter.embedding {
        case .update(let update):
          try add(update, strength: applied.strength * scale, of: own, to: x, firstRow: part.rows.lowerBound)
        case .replacement(let other):
          let rows = FloatMatrix(columns: x.columns)
          for (table, sign) in [(other, 1), (embedding, -1)] as [(PackedMatrix, Float)] {
            try embed(own, from: table, scale: scale, to: rows)
            try add(rows, times: sign * applied.strength, to: x, rows: part.rows)
          }
        case nil: break
        }
      }
    }
  }
}
