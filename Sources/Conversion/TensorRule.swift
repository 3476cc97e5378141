/// What becomes of one tensor, or of the same tensor in every layer.
struct TensorRule: Sendable {
  /// What happens to the values on the way.
  enum Change: Sendable, Equatable {
    case none
    /// Norm weights that the model adds to one are stored with the one added.
    case addingOne
    /// Rows of each of `count` heads, whose halves are rotated against each other, are put so that rotated pairs are
    /// adjacent: row `2 i + h` of a head is its row `i` of half `h`.
    case pairingHeads(_ count: Int)
    /// Leading rows that no position uses are left out.
    case droppingRows(_ count: Int)
  }

  /// Whether a tensor must be, may be, or must not be there.
  enum Presence: Sendable { case required, optional, absent }

  /// The name in the folder and in the GGUF file, without `.weight` or `.bias`; `*` stands for the number of the layer.
  let source: String
  let target: String
  var weight = Presence.required
  var bias = Presence.absent
  var change = Change.none

  init(
    _ source: String, _ target: String, weight: Presence = .required, bias: Presence = .absent, change: Change = .none
  ) {
    self.source = source
    self.target = target
    self.weight = weight
    self.bias = bias
    self.change = change
  }

  var isOfLayer: Bool { source.contains("*") }
}
