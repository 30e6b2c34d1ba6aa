module depth_guard

go 1.19
