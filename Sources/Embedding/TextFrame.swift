/// The tokens that a model wants around a text, such as [CLS] and [SEP].
public struct TextFrame: Sendable, Equatable {
  public let prefix: [Int32]
  public let suffix: [Int32]
  /// What stands between the two texts of a pair.
  public let separator: [Int32]

  public init(prefix: [Int32] = [], suffix: [Int32] = [], separator: [Int32] = []) {
    self.prefix = prefix
    self.suffix = suffix
    self.separator = separator
  }

  func around(_ text: some Collection<Int32>) -> [Int32] { prefix + text + suffix }

  /// Two texts in one sequence, and where the second begins.
  func around(
    _ first: some Collection<Int32>, _ second: some Collection<Int32>
  ) -> (tokens: [Int32], second: Int) {
    let head = prefix + first + separator
    return (head + second + suffix, head.count)
  }

  /// Tokens added to a single text.
  public var count: Int { prefix.count + suffix.count }
  /// Tokens added to a pair.
  var pairCount: Int { count + separator.count }
}
