/// Below this magnitude a group counts as zero.
let vanishing: Float = 1e-15

extension GroupLanes {
  /// The value of largest magnitude of each group, the first of equals.
  @inline(__always)
  func extreme(count: Int) -> Lanes {
    var extreme = Lanes.zero
    for i in 0..<count { extreme = extreme.replacing(with: values[i], where: values[i].magnitude .> extreme.magnitude) }
    return extreme
  }

  /// The squared values as weights.
  @inline(__always)
  func weighBySquare(count: Int) {
    for i in 0..<count { weights[i] = values[i] * values[i] }
  }

  /// Importance, which the weights hold before, times the magnitude of the value where it stands out from a variance.
  @inline(__always)
  func weigh(variance: Lanes, count: Int) {
    for i in 0..<count { weights[i] *= (variance + values[i] * values[i]).squareRoot() }
  }

  /// The sums of the weights, added in order.
  @inline(__always)
  func weightSum(count: Int) -> Lanes {
    var sum = Lanes.zero
    for i in 0..<count { sum += weights[i] }
    return sum
  }

  /// The scales that leave the least weighted square error when values are scale * (q - top), q in 0 ..< 2 top; ggml's
  /// `make_qx_quants`.
  ///
  /// First the value of largest magnitude takes the end of the range, then 18 scales about that are tried. For given q
  /// the best scale is sum(w x q) / sum(w q q), and what it takes off the error is that times sum(w x q).
  @inline(__always)
  func searchScale(top: Float, count: Int) -> Lanes {
    let extreme = extreme(count: count)
    var bestInverse = -top / extreme
    var sums = sums(bestInverse, top: top, count: count)
    var scale = (sums.xq / sums.qq).replacing(with: 0, where: sums.qq .== 0)
    var gain = scale * sums.xq
    for step in -9...9 where step != 0 {
      let inverse = -(top + 0.1 * Float(step)) / extreme
      sums = self.sums(inverse, top: top, count: count)
      let isBetter = (sums.qq .> 0) .& (sums.xq * sums.xq .> gain * sums.qq)
      scale = scale.replacing(with: sums.xq / sums.qq, where: isBetter)
      gain = gain.replacing(with: scale * sums.xq, where: isBetter)
      bestInverse = bestInverse.replacing(with: inverse, where: isBetter)
    }
    let isZero = extreme.magnitude .< vanishing
    for i in 0..<count {
      let quant = (bestInverse * values[i]).nearest(-top, top - 1) + top
      quants[i] = quant.replacing(with: 0, where: isZero)
    }
    return scale.replacing(with: 0, where: isZero)
  }

  @inline(__always)
  private func sums(_ inverse: Lanes, top: Float, count: Int) -> (xq: Lanes, qq: Lanes) {
    var (xq, qq) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let quant = (inverse * values[i]).nearest(-top, top - 1)
      xq += weights[i] * values[i] * quant
      qq += weights[i] * quant * quant
    }
    return (xq, qq)
  }
}
