/// `elements` in ascending order of `precedes`, equal ones in the order they had: a merge sort, because a comparison of
/// values may fail, which the standard library's sort cannot pass on as a typed error, and because Python's is stable.
func stablySorted<Element>(
  _ elements: [Element], _ precedes: (Element, Element) throws(TemplateError) -> Bool
) throws(TemplateError) -> [Element] {
  var source = elements
  var width = 1
  while width < source.count {
    var merged: [Element] = []
    merged.reserveCapacity(source.count)
    for start in stride(from: 0, to: source.count, by: 2 * width) {
      let middle = min(start + width, source.count)
      let end = min(middle + width, source.count)
      var (left, right) = (start, middle)
      while left < middle, right < end {
        if try precedes(source[right], source[left]) {
          merged.append(source[right])
          right += 1
        } else {
          merged.append(source[left])
          left += 1
        }
      }
      merged += source[left..<middle]
      merged += source[right..<end]
    }
    source = merged
    width *= 2
  }
  return source
}
