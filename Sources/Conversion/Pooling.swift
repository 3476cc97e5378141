/// How one vector is made of the vectors of all tokens, with the numbers of the format.
enum Pooling: UInt32 {
  case none = 0
  case mean = 1
  case cls = 2
  case last = 3
  /// A score of a head rather than a vector.
  case rank = 4

  /// The metadata key, under the architecture's name.
  static let key = "pooling_type"

  /// The pooling called `name` in configurations.
  init?(named name: String) {
    switch name {
    case "mean": self = .mean
    case "cls": self = .cls
    case "lasttoken": self = .last
    default: return nil
    }
  }
}
