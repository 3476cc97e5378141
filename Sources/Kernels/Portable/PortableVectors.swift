import KingletQuants

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The references of the kernels that work on vectors of floats.
enum PortableVectors {
  /// Sixteen running sums, so that rounding errors grow with the columns of one lane only and the compiler can vectorise.
  static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var sums = SIMD16<Float>(repeating: 0)
    var i = 0
    while i + 16 <= count {
      let left = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD16<Float>.self)
      let right = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD16<Float>.self)
      sums += left * right
      i += 16
    }
    var sum = sums.sum()
    while i < count {
      sum += a[i] * b[i]
      i += 1
    }
    return sum
  }

  static func rmsNorm(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ epsilon: Float, _ count: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    let scale = 1 / (dot(x, x, count) / Float(count) + epsilon).squareRoot()
    for i in 0..<count { out[i] = x[i] * scale * weight[i] }
  }

  static func layerNorm(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ epsilon: Float,
    _ count: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    var sum = 0.0
    for i in 0..<count { sum += Double(x[i]) }
    let mean = Float(sum / Double(count))
    var squares = 0.0
    for i in 0..<count { squares += Double((x[i] - mean) * (x[i] - mean)) }
    let scale = 1 / (Float(squares / Double(count)) + epsilon).squareRoot()
    for i in 0..<count { out[i] = (x[i] - mean) * scale * weight[i] + (bias?[i] ?? 0) }
  }

  static func rotate(
    _ x: UnsafeMutablePointer<Float>, _ headCount: Int, _ headSize: Int, _ rotated: Int,
    _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ pairing: RotaryPairing
  ) {
    let half = rotated / 2
    for head in 0..<headCount {
      let values = x + head * headSize
      for i in 0..<half {
        let (first, second) = pairing == .adjacent ? (2 * i, 2 * i + 1) : (i, i + half)
        let (a, b) = (values[first], values[second])
        values[first] = a * cosines[i] - b * sines[i]
        values[second] = a * sines[i] + b * cosines[i]
      }
    }
  }

  static func gate(
    _ activation: Activation, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count { out[i] = activated(activation, gate[i]) * up[i] }
  }

  static func endProducts(_ e: ProductEnding) {
    for token in 0..<e.tokenCount {
      let (out, products) = (e.out + token * e.outStride, e.products + token * e.productStride)
      for i in 0..<e.count {
        let y = products[i] + (e.bias?[i] ?? 0)
        switch e.use {
        case .replace: out[i] = y
        case .activate(let activation): out[i] = activated(activation, y)
        case .add: out[i] += y
        }
      }
    }
  }

  private static func activated(_ activation: Activation, _ x: Float) -> Float {
    switch activation {
    case .silu: x / (1 + expf(-x))
    case .geluTanh: 0.5 * x * (1 + tanhf(0.797_884_56 * (x + 0.044715 * x * x * x)))
    // By erfc, not 1 + erf, which has no digits left where x is far below zero.
    case .tanh: tanhf(x)
    case .gelu: 0.5 * x * erfcf(-x * 0.707_106_78)
    }
  }

  static func addScaled(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ scale: Float, _ count: Int
  ) {
    for i in 0..<count { x[i] += y[i] * scale }
  }

  static func indexOfMaximum(_ x: UnsafePointer<Float>, _ count: Int) -> Int {
    var best: Int?
    var largest = -Float.infinity
    // Not `>` alone: after NaN, -infinity must still be found.
    for i in 0..<count where x[i] > largest || best == nil && x[i] == largest {
      largest = x[i]
      best = i
    }
    return best ?? 0
  }
}
