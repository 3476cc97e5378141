import KingletFiles

/// A Swift type whose values can be the elements of a `GGUFArray`: numbers of a fixed width, `Bool` and `String`.
public protocol GGUFElement {
  /// The value as metadata has it.
  var ggufValue: GGUFValue { get }
  /// The type of all such values.
  static var ggufType: GGUFValueType { get }
}

extension GGUFArray {
  /// An array in memory, laid out as it would be in a file. Strings may take 4 GB in total.
  public init<Element: GGUFElement>(_ elements: [Element]) {
    var encoder = GGUFEncoder()
    for element in elements { encoder.append(element.ggufValue) }
    let view = ByteView(store: ByteStore(copying: encoder.bytes), range: 0..<encoder.bytes.count)
    self.init(elementType: Element.ggufType, count: elements.count, view: view)
  }
}

extension UInt8: GGUFElement {
  public var ggufValue: GGUFValue { .uint8(self) }
  public static var ggufType: GGUFValueType { .uint8 }
}
extension Int8: GGUFElement {
  public var ggufValue: GGUFValue { .int8(self) }
  public static var ggufType: GGUFValueType { .int8 }
}
extension UInt16: GGUFElement {
  public var ggufValue: GGUFValue { .uint16(self) }
  public static var ggufType: GGUFValueType { .uint16 }
}
extension Int16: GGUFElement {
  public var ggufValue: GGUFValue { .int16(self) }
  public static var ggufType: GGUFValueType { .int16 }
}
extension UInt32: GGUFElement {
  public var ggufValue: GGUFValue { .uint32(self) }
  public static var ggufType: GGUFValueType { .uint32 }
}
extension Int32: GGUFElement {
  public var ggufValue: GGUFValue { .int32(self) }
  public static var ggufType: GGUFValueType { .int32 }
}
extension UInt64: GGUFElement {
  public var ggufValue: GGUFValue { .uint64(self) }
  public static var ggufType: GGUFValueType { .uint64 }
}
extension Int64: GGUFElement {
  public var ggufValue: GGUFValue { .int64(self) }
  public static var ggufType: GGUFValueType { .int64 }
}
extension Float: GGUFElement {
  public var ggufValue: GGUFValue { .float32(self) }
  public static var ggufType: GGUFValueType { .float32 }
}
extension Double: GGUFElement {
  public var ggufValue: GGUFValue { .float64(self) }
  public static var ggufType: GGUFValueType { .float64 }
}
extension Bool: GGUFElement {
  public var ggufValue: GGUFValue { .bool(self) }
  public static var ggufType: GGUFValueType { .bool }
}
extension String: GGUFElement {
  public var ggufValue: GGUFValue { .string(self) }
  public static var ggufType: GGUFValueType { .string }
}
