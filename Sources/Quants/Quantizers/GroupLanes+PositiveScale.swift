extension GroupLanes {
  /// The scales that leave the least weighted square error when non-negative values are scale * q, q in 0 ... top; ggml's
  /// `make_qp_quants`.
  ///
  /// Nine scales about that by which the largest value takes the top are tried. Then one q after the other is moved
  /// to where it would be best, as long as that helps.
  func searchPositiveScale(top: Float, count: Int) -> Lanes {
    var largest = Lanes.zero
    for i in 0..<count { largest = largest.replacing(with: values[i], where: values[i] .> largest) }
    var inverse = top / largest
    var leastError = squareError(inverse, top: top, count: count)
    for step in -4...4 where step != 0 {
      let candidate = (0.1 * Float(step) + top) / largest
      let error = squareError(candidate, top: top, count: count)
      let isBetter = error .< leastError
      leastError = leastError.replacing(with: error, where: isBetter)
      inverse = inverse.replacing(with: candidate, where: isBetter)
    }
    var (xq, qq) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let quant = (inverse * values[i]).nearest(0, top)
      quants[i] = quant
      xq += weights[i] * values[i] * quant
      qq += weights[i] * quant * quant
    }
    descend(&xq, &qq, 0, top, count: count)
    let isZero = largest .< vanishing
    for i in 0..<count { quants[i] = quants[i].replacing(with: 0, where: isZero) }
    return (xq / qq).replacing(with: 0, where: .!(qq .> 0) .| isZero)
  }

  @inline(__always)
  private func squareError(_ inverse: Lanes, top: Float, count: Int) -> Lanes {
    let scale = 1 / inverse
    var error = Lanes.zero
    for i in 0..<count {
      let difference = values[i] - scale * (inverse * values[i]).nearest(0, top)
      error += weights[i] * difference * difference
    }
    return error
  }

  /// Moves each quant to where it is best, given the others, until none moves or five rounds are over.
  ///
  /// `xq` and `qq` are sum(w x q) and sum(w q q), by which the error is least when (xq)² / qq is largest. Groups that have
  /// come to rest stay as they are in further rounds.
  @inline(__always)
  func descend(_ xq: inout Lanes, _ qq: inout Lanes, _ low: Float, _ high: Float, count: Int) {
    for _ in 0..<5 {
      var hasMoved = false
      for i in 0..<count {
        let (value, weight, quant) = (values[i], weights[i], quants[i])
        let restXQ = xq - weight * value * quant
        let restQQ = qq - weight * quant * quant
        let new = (value * restQQ / restXQ).nearest(low, high)
        let newXQ = restXQ + weight * value * new
        let newQQ = restQQ + weight * new * new
        let isPossible = (restXQ .> 0) .& (low < 0 ? newQQ .> 0 : restQQ .> 0) .& (new .!= quant)
        let isBetter = isPossible .& (newXQ * newXQ * qq .> xq * xq * newQQ)
        quants[i] = quant.replacing(with: new, where: isBetter)
        xq = xq.replacing(with: newXQ, where: isBetter)
        qq = qq.replacing(with: newQQ, where: isBetter)
        hasMoved = hasMoved || any(isBetter)
      }
      if !hasMoved { return }
    }
  }
}
