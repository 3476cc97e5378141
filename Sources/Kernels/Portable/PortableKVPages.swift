import KingletQuants

/// How the elements of a page are written and read, one at a time; see `KVPageLayout`.
enum PortableKVPages {
  static func append(_ p: KVAppend) {
    switch p.layout.type {
    case .f16, .f32: appendFloats(p)
    case .q8_0: appendBytes(p)
    }
  }

  static func key(_ layout: KVPageLayout, _ page: UnsafeRawPointer, slot: Int, dimension d: Int) -> Float {
    switch layout.type {
    case .f16: half(page, keyIndex(layout, slot, d))
    case .f32: page.load(fromByteOffset: 4 * keyIndex(layout, slot, d), as: Float.self)
    case .q8_0:
      byte(page, keyIndex(layout, slot, d)) * half(page + layout.keyScaleOffset, keyScaleIndex(layout, slot, d))
    }
  }

  static func value(_ layout: KVPageLayout, _ page: UnsafeRawPointer, slot: Int, dimension d: Int) -> Float {
    let values = page + layout.valueOffset
    return switch layout.type {
    case .f16: half(values, valueIndex(layout, slot, d))
    case .f32: values.load(fromByteOffset: 4 * valueIndex(layout, slot, d), as: Float.self)
    case .q8_0:
      byte(values, valueIndex(layout, slot, d)) * half(page + layout.valueScaleOffset, valueScaleIndex(slot, d))
    }
  }

  private static func appendFloats(_ p: KVAppend) {
    let values = p.page + p.layout.valueOffset
    for d in 0..<p.layout.headSize {
      store(p.key[d], p.layout, p.page, keyIndex(p.layout, p.slot, d))
      store(p.value[d], p.layout, values, valueIndex(p.layout, p.slot, d))
    }
  }

  private static func appendBytes(_ p: KVAppend) {
    let layout = p.layout
    for first in stride(from: 0, to: layout.groups * 32, by: 32) {
      let key = RoundedGroup(p.key, first, layout.headSize)
      let value = RoundedGroup(p.value, first, layout.headSize)
      for i in 0..<32 {
        let (keyPlace, valuePlace) = (keyIndex(layout, p.slot, first + i), valueIndex(layout, p.slot, first + i))
        p.page.storeBytes(of: key.byte(i), toByteOffset: keyPlace, as: Int8.self)
        p.page.storeBytes(of: value.byte(i), toByteOffset: layout.valueOffset + valuePlace, as: Int8.self)
      }
      let keyScale = layout.keyScaleOffset + 2 * keyScaleIndex(layout, p.slot, first)
      let valueScale = layout.valueScaleOffset + 2 * valueScaleIndex(p.slot, first)
      p.page.storeBytes(of: key.scale.bits, toByteOffset: keyScale, as: UInt16.self)
      p.page.storeBytes(of: value.scale.bits, toByteOffset: valueScale, as: UInt16.self)
    }
  }

  private static func keyIndex(_ layout: KVPageLayout, _ slot: Int, _ d: Int) -> Int {
    switch layout.type {
    case .f16, .f32: (slot / 16 * layout.headSize + d) * 16 + slot % 16
    case .q8_0: ((slot / 16 * layout.groups * 16 + d / 2) * 16 + slot % 16) * 2 + d % 2
    }
  }

  private static func valueIndex(_ layout: KVPageLayout, _ slot: Int, _ d: Int) -> Int {
    switch layout.type {
    case .f16, .f32: slot * layout.valueStride + d
    case .q8_0: (slot / 2 * layout.valueStride + d) * 2 + slot % 2
    }
  }

  private static func keyScaleIndex(_ layout: KVPageLayout, _ slot: Int, _ d: Int) -> Int {
    (slot / 16 * layout.groups + d / 32) * 16 + slot % 16
  }

  private static func valueScaleIndex(_ slot: Int, _ d: Int) -> Int { d / 32 * KVPageLayout.positions + slot }

  private static func half(_ base: UnsafeRawPointer, _ index: Int) -> Float {
    Half(bits: base.load(fromByteOffset: 2 * index, as: UInt16.self)).float
  }

  private static func byte(_ base: UnsafeRawPointer, _ index: Int) -> Float {
    Float(base.load(fromByteOffset: index, as: Int8.self))
  }

  private static func store(_ value: Float, _ layout: KVPageLayout, _ base: UnsafeMutableRawPointer, _ index: Int) {
    if layout.type == .f16 {
      base.storeBytes(of: Half(bounded(value)).bits, toByteOffset: 2 * index, as: UInt16.self)
    } else {
      base.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
    }
  }
}

/// Into the range of halves; NaN stays.
private func bounded(_ value: Float) -> Float { min(max(value, -65_504), 65_504) }

/// Up to 32 floats as multiples of one scale, a 127th of the largest of them; the scale of a group with NaN is NaN.
private struct RoundedGroup {
  let scale: Half
  private let values: UnsafePointer<Float>
  private let count: Int
  private let inverse: Float

  init(_ values: UnsafePointer<Float>, _ first: Int, _ end: Int) {
    self.values = values + first
    count = min(32, end - first)
    var largest: Float = 0
    var isNumber = true
    for i in 0..<count {
      largest = max(largest, abs(self.values[i]))
      isNumber = isNumber && !self.values[i].isNaN
    }
    scale = Half(isNumber ? bounded(largest / 127) : .nan)
    inverse = scale.float > 0 ? 1 / scale.float : 0
  }

  func byte(_ index: Int) -> Int8 {
    let multiple = index < count ? (values[index] * inverse).rounded(.toNearestOrEven) : 0
    return multiple.isNaN ? 0 : Int8(min(max(multiple, -127), 127))
  }
}
