/// A dictionary that keeps the order of insertion, as Python's does. Keys made outside of templates are texts; inside,
/// they may be anything hashable.
public struct JinjaDictionary: Sendable, ExpressibleByDictionaryLiteral {
  struct Entry: Sendable {
    let key: JinjaValue
    let identity: KeyIdentity
    var value: JinjaValue
  }

  private(set) var entries: [Entry] = []
  /// Where each key lies in `entries`; built only when there are too many to look through.
  private var positions: [KeyIdentity: Int] = [:]
  private(set) var depth = 1

  private static let longestScan = 8

  public init() {}

  public init(dictionaryLiteral elements: (String, JinjaValue)...) {
    for (key, value) in elements { self[key] = value }
  }

  public var count: Int { entries.count }

  /// Keys that are texts, in order.
  public var keys: [String] { entries.compactMap(\.key.text) }

  /// The value under a text; setting a new key appends it, and setting nil leaves the dictionary as it is.
  public subscript(key: String) -> JinjaValue? {
    get { self[KeyIdentity.text(key)] }
    set {
      if let newValue { set(.string(key), KeyIdentity.text(key), newValue) }
    }
  }

  subscript(identity: KeyIdentity) -> JinjaValue? { position(of: identity).map { entries[$0].value } }

  /// Sets the value under `key`, whose identity is `identity`. As in Python, an equal key keeps its first form.
  mutating func set(_ key: JinjaValue, _ identity: KeyIdentity, _ value: JinjaValue) {
    depth = max(depth, value.depth + 1, key.depth + 1)
    if let position = position(of: identity) {
      entries[position].value = value
      return
    }
    entries.append(Entry(key: key, identity: identity, value: value))
    if entries.count == Self.longestScan + 1 {
      for (position, entry) in entries.enumerated() { positions[entry.identity] = position }
    } else if entries.count > Self.longestScan {
      positions[identity] = entries.count - 1
    }
  }

  private func position(of identity: KeyIdentity) -> Int? {
    if entries.count > Self.longestScan { return positions[identity] }
    return entries.firstIndex { $0.identity == identity }
  }
}
