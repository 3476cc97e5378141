extension GGUFMetadata {
  /// Metadata in memory, for a model that does not lie in a file of this format. Of several pairs with one key the last
  /// counts; `name` stands for the path in errors.
  public init(_ pairs: [(key: String, value: GGUFValue)], name: String) {
    path = name
    entries = pairs.map { Entry(key: $0.key, value: $0.value, offset: nil) }
    indices = Dictionary(pairs.enumerated().map { ($1.key, $0) }) { $1 }
  }
}
